"""Signatures, held to the vectors that AWS publishes and to what botocore signs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from hypothesis import given
from hypothesis import strategies as st

from passpost import Secret
from passpost_ses.signature import (
    Credentials,
    Region,
    Unsigned,
    authorization,
    canonical_request,
    signed_headers,
)

KEY = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
SUITE = Region("us-east-1", "service")
DATE = "20150830T123600Z"
HOST = {"host": "example.amazonaws.com", "x-amz-date": DATE}
FORM = "application/x-www-form-urlencoded"
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC"
    "9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

# The names are those of the Signature Version 4 test suite (awslabs/aws-c-auth,
# tests/aws-signing-test-suite/v4), the last is the example of AWS's signing documentation.
VECTORS: list[tuple[str, Unsigned, Region, str]] = [
    (
        "get-vanilla",
        Unsigned("GET", "/", HOST, b""),
        SUITE,
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "post-vanilla",
        Unsigned("POST", "/", HOST, b""),
        SUITE,
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "get-vanilla-query-order-key-case",
        Unsigned("GET", "/", HOST, b"", "Param1=value1&Param2=value2"),
        SUITE,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-header-value-trim",
        Unsigned("GET", "/", {**HOST, "my-header1": " value1", "my-header2": ' "a   b   c" '}, b""),
        SUITE,
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "post-x-www-form-urlencoded",
        Unsigned("POST", "/", {**HOST, "content-type": FORM}, b"Param1=value1"),
        SUITE,
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "post-x-www-form-urlencoded-parameters",
        Unsigned("POST", "/", {**HOST, "content-type": f"{FORM}; charset=utf8"}, b"Param1=value1"),
        SUITE,
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
    ),
    (
        "post-sts-header-before",
        Unsigned("POST", "/", {**HOST, "x-amz-security-token": TOKEN}, b""),
        SUITE,
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
    (
        "iam-list-users",
        Unsigned(
            "GET",
            "/",
            {
                "host": "iam.amazonaws.com",
                "x-amz-date": DATE,
                "content-type": f"{FORM}; charset=utf-8",
            },
            b"",
            "Action=ListUsers&Version=2010-05-08",
        ),
        Region("us-east-1", "iam"),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
]


@pytest.mark.parametrize(
    ("request_", "region", "expected"),
    [pytest.param(*vector[1:], id=vector[0]) for vector in VECTORS],
)
def test_published_vectors(request_: Unsigned, region: Region, expected: str) -> None:
    signed = authorization(request_, KEY, region)
    assert signed == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{region.service}/aws4_request,"
        f" SignedHeaders={';'.join(sorted(request_.headers))}, Signature={expected}"
    )


def test_the_published_canonical_request() -> None:
    assert canonical_request(VECTORS[4][1]) == (
        "POST\n/\n\ncontent-type:application/x-www-form-urlencoded\nhost:example.amazonaws.com\n"
        "x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n"
        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
    )


def test_the_time_and_the_token_are_signed() -> None:
    now = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    request = Unsigned("POST", "/", {"host": "h.example"}, b"")
    temporary = Credentials("ASIA", Secret("s"), Secret("t"))
    headers = signed_headers(request, temporary, SUITE, now)
    assert headers["x-amz-date"] == "20260102T030405Z"
    assert headers["x-amz-security-token"] == "t"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in headers["authorization"]
    assert request.headers == {"host": "h.example"}
    assert "x-amz-security-token" not in signed_headers(request, KEY, SUITE, now)


def theirs(method: str, path: str, body: bytes, token: str | None) -> Any:
    request = AWSRequest(method, f"https://email.eu-west-1.amazonaws.com{path}", data=body)
    request.headers["Host"] = "email.eu-west-1.amazonaws.com"
    request.headers["Content-Type"] = "application/json"
    credentials = TheirCredentials("AKIDEXAMPLE", "se/cr+et", token)
    SigV4Auth(credentials, "ses", "eu-west-1").add_auth(request)
    return request.headers


@given(
    method=st.sampled_from(["POST", "GET"]),
    path=st.sampled_from(
        ["/v2/email/outbound-emails", "/v2/email/identities/a%40b.example", "/a~b"]
    ),
    body=st.binary(max_size=100),
    token=st.none() | st.just("to/ken=="),
)
def test_botocore_signs_the_same(method: str, path: str, body: bytes, token: str | None) -> None:
    expected = theirs(method, path, body, token)
    headers = {name.lower(): expected[name] for name in ("Host", "Content-Type", "X-Amz-Date")} | (
        {"x-amz-security-token": token} if token else {}
    )
    credentials = Credentials("AKIDEXAMPLE", Secret("se/cr+et"), Secret(token) if token else None)
    signed = authorization(
        Unsigned(method, path, headers, body), credentials, Region("eu-west-1", "ses")
    )
    assert signed == expected["Authorization"]


def test_nothing_shows_a_secret() -> None:
    temporary = Credentials("ASIA", Secret("canary-secret"), Secret("canary-token"))
    request = Unsigned("POST", "/", {"x": "canary-header"}, b"canary-body")
    assert "canary" not in f"{temporary!r}{request!r}"
