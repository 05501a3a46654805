"""The stand-in is as strict as the service: what is wrong with a request has its error."""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any

import attrs
import httpx
import pytest

from passpost import Secret
from passpost_ses.signature import Credentials, Region, Unsigned, authorization, signed_headers
from passpost_ses_stand_in.server import (
    KEY_ID,
    REGION,
    SECRET,
    SENDER,
    STS_KEY_ID,
    STS_SECRET,
    STS_TOKEN,
    StandIn,
)
from pytest_passpost import StandIn as Protocol

PATH = "/v2/email/outbound-emails"
KEY = Credentials(KEY_ID, Secret(SECRET))
TEMPORARY = Credentials(STS_KEY_ID, Secret(STS_SECRET), Secret(STS_TOKEN))
PLACE = Region(REGION, "ses")
GOOD: Any = {
    "FromEmailAddress": f"Example <{SENDER}>",
    "Destination": {"ToAddresses": ["ada@example.com"]},
    "ReplyToAddresses": ["help@example.com"],
    "Content": {
        "Simple": {
            "Subject": {"Data": "验证码", "Charset": "UTF-8"},
            "Body": {"Text": {"Data": "123456"}, "Html": {"Data": "<p>é</p>", "Charset": "UTF-8"}},
            "Headers": [{"Name": "X-A", "Value": "a"}],
        }
    },
}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def unsigned(ses: StandIn, document: Any = GOOD, **parts: Any) -> Unsigned:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    host = f"127.0.0.1:{ses.server.port}"
    headers = {"host": host, "content-type": "application/json"}
    return attrs.evolve(Unsigned("POST", PATH, headers, body), **parts)


def send(ses: StandIn, http: httpx.Client, request: Unsigned, headers: Any = None) -> str | None:
    """Return the error code that a request is answered with; None where it is accepted."""
    now = dt.datetime.now(dt.UTC)
    signed = headers or signed_headers(request, KEY, PLACE, now)
    url = ses.server.url + request.path + (f"?{request.query}" if request.query else "")
    answer = http.request(request.method, url, headers=signed, content=request.body)
    assert answer.headers["x-amzn-requestid"]
    assert ("x-amzn-errortype" in answer.headers) is (answer.status_code >= 400)
    code: str | None = answer.headers.get("x-amzn-errortype")
    return code and code.partition(":")[0]


def test_it_follows_the_protocol_of_stand_ins(ses: StandIn) -> None:
    assert isinstance(ses, Protocol)
    assert ses.wrong_settings["secretAccessKey"] != ses.settings["secretAccessKey"]


def test_a_good_request_is_accepted(ses: StandIn, http: httpx.Client) -> None:
    assert send(ses, http, unsigned(ses)) is None
    request = unsigned(ses)
    signed = signed_headers(request, TEMPORARY, PLACE, dt.datetime.now(dt.UTC))
    assert send(ses, http, request, signed) is None
    assert [mail.recipient for mail in ses.received] == ["ada@example.com"] * 2


@pytest.mark.parametrize(
    ("credentials", "place", "code"),
    [
        (attrs.evolve(KEY, secret=Secret("wrong")), PLACE, "InvalidSignatureException"),
        (attrs.evolve(KEY, key_id="AKIAUNKNOWN"), PLACE, "UnrecognizedClientException"),
        (attrs.evolve(TEMPORARY, token=None), PLACE, "UnrecognizedClientException"),
        (attrs.evolve(TEMPORARY, token=Secret("old")), PLACE, "ExpiredTokenException"),
        (attrs.evolve(KEY, token=Secret("x")), PLACE, "ExpiredTokenException"),
        (KEY, Region("us-east-1", "ses"), "InvalidSignatureException"),
        (KEY, Region(REGION, "email"), "InvalidSignatureException"),
    ],
)
def test_credentials_are_verified(
    ses: StandIn, http: httpx.Client, credentials: Credentials, place: Region, code: str
) -> None:
    request = unsigned(ses)
    signed = signed_headers(request, credentials, place, dt.datetime.now(dt.UTC))
    assert send(ses, http, request, signed) == code
    assert ses.received == ()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (0, None),
        (-299, None),
        (299, None),
        (-301, "InvalidSignatureException"),
        (301, "InvalidSignatureException"),
    ],
)
def test_the_time_is_verified(http: httpx.Client, seconds: int, code: str | None) -> None:
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    with StandIn(moment.timestamp) as ses:
        request = unsigned(ses)
        signed = signed_headers(request, KEY, PLACE, moment + dt.timedelta(seconds=seconds))
        assert send(ses, http, request, signed) == code


def spoilt(request: Unsigned, name: str, value: str | None) -> dict[str, str]:
    headers = signed_headers(request, KEY, PLACE, dt.datetime.now(dt.UTC))
    return {k: v for k, v in headers.items() if k != name} | ({name: value} if value else {})


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("authorization", None, "MissingAuthenticationTokenException"),
        ("authorization", "Bearer x", "IncompleteSignatureException"),
        ("x-amz-date", None, "IncompleteSignatureException"),
        ("x-amz-date", "20261399T000000Z", "InvalidSignatureException"),
        ("x-amz-date", "yesterday", "IncompleteSignatureException"),
        ("content-type", "application/json; charset=utf-8", "InvalidSignatureException"),
        ("x-amz-target", "unsigned", "InvalidSignatureException"),
    ],
)
def test_what_was_signed_is_what_comes(
    ses: StandIn, http: httpx.Client, name: str, value: str | None, code: str
) -> None:
    request = unsigned(ses)
    assert send(ses, http, request, spoilt(request, name, value)) == code


def test_a_time_that_is_none(ses: StandIn, http: httpx.Client) -> None:
    request = unsigned(ses)
    headers = {**request.headers, "x-amz-date": "20261399T000000Z"}
    signed = authorization(attrs.evolve(request, headers=headers), KEY, PLACE)
    code = send(ses, http, request, {**headers, "authorization": signed})
    assert code == "IncompleteSignatureException"


def test_a_header_that_is_not_there_cannot_be_signed(ses: StandIn, http: httpx.Client) -> None:
    request = unsigned(ses)
    signed = signed_headers(
        attrs.evolve(request, headers={**request.headers, "x-absent": ""}), KEY, PLACE,
        dt.datetime.now(dt.UTC),
    )  # fmt: skip
    del signed["x-absent"]
    assert send(ses, http, request, signed) == "InvalidSignatureException"


def test_another_body_is_noticed(ses: StandIn, http: httpx.Client) -> None:
    request = unsigned(ses)
    signed = signed_headers(request, KEY, PLACE, dt.datetime.now(dt.UTC))
    other = attrs.evolve(request, body=request.body + b" ")
    assert send(ses, http, other, signed) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("GET", PATH, "", "UnknownOperationException"),
        ("POST", "/v2/email/account", "", "UnknownOperationException"),
        ("POST", "/", "Action=SendEmail", "UnknownOperationException"),
        ("GET", "/v2/email/account", "a=%20b&c=", None),
        ("GET", "/v2/email/identities/example.com", "", None),
        ("GET", "/v2/email/identities/nobody%40example.com", "", "NotFoundException"),
    ],
)
def test_operations(
    ses: StandIn, http: httpx.Client, method: str, path: str, query: str, code: str | None
) -> None:
    request = unsigned(ses, b"", method=method, path=path, query=query)
    assert send(ses, http, request) == code
    assert ses.received == ()


def changed(path: str, value: Any) -> Any:
    document: Any = copy.deepcopy(GOOD)
    *inner, last = re.split(r"\.", path)
    part = document
    for step in inner:
        part = part[int(step)] if step.isdigit() else part[step]
    if value is None:
        del part[last]
    else:
        part[int(last) if last.isdigit() else last] = value
    return document


TO = "Destination.ToAddresses"
SIMPLE = "Content.Simple"
A = {"Name": "X-A", "Value": "a"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("FeedbackForwardingEmailAddress", "a@example.com"),
        ("FromEmailAddress", None),
        ("FromEmailAddress", "no-reply"),
        ("FromEmailAddress", "安全 <no-reply@example.com>"),
        ("FromEmailAddress", "a@example.com, b@example.com"),
        ("FromEmailAddress", "a <a@example.com> b"),
        ("FromEmailAddress", "a\r\nBcc: b <a@example.com>"),
        ("Destination", None),
        ("Destination.CcAddresses", ["eve@example.com"]),
        ("Destination.BccAddresses", ["eve@example.com"]),
        ("Destination.Other", []),
        (TO, []),
        (TO, ["a@example.com", "b@example.com"]),
        (TO, "a@example.com"),
        (TO, ["a@example.com,b@example.com"]),
        (TO, ["jörg@example.com"]),
        (TO, ["a@müller.example"]),
        (TO, [7]),
        ("ReplyToAddresses", ["a@example.com", "b@example.com"]),
        ("ConfigurationSetName", "a b"),
        ("Content", None),
        ("Content.Raw", {"Data": ""}),
        ("Content.Simple", None),
        (f"{SIMPLE}.Attachments", []),
        (f"{SIMPLE}.Subject", None),
        (f"{SIMPLE}.Subject.Data", "a\nb"),
        (f"{SIMPLE}.Subject.Charset", None),
        (f"{SIMPLE}.Subject.Language", "zh"),
        (f"{SIMPLE}.Body", {}),
        (f"{SIMPLE}.Body.Text", "123456"),
        (f"{SIMPLE}.Body.Text.Data", 123456),
        (f"{SIMPLE}.Body.Html.Charset", "ISO-8859-1"),
        (f"{SIMPLE}.Body.Amp", {"Data": "x"}),
        (f"{SIMPLE}.Headers", {"X-A": "a"}),
        (f"{SIMPLE}.Headers", [A] * 16),
        (f"{SIMPLE}.Headers.0", {**A, "Other": "x"}),
        (f"{SIMPLE}.Headers.0.Name", "Subject"),
        (f"{SIMPLE}.Headers.0.Name", "X A"),
        (f"{SIMPLE}.Headers.0.Value", ""),
        (f"{SIMPLE}.Headers.0.Value", "ü"),
        (f"{SIMPLE}.Headers.0.Value", "a\r\nBcc: b"),
        (f"{SIMPLE}.Headers.0.Value", "x" * 994),
    ],
)
def test_each_part_is_checked(ses: StandIn, http: httpx.Client, path: str, value: Any) -> None:
    assert send(ses, http, unsigned(ses, changed(path, value))) == "BadRequestException"
    assert ses.received == ()


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_what_is_no_document(ses: StandIn, http: httpx.Client, body: bytes) -> None:
    assert send(ses, http, unsigned(ses, body)) == "BadRequestException"


def test_another_kind_of_content(ses: StandIn, http: httpx.Client) -> None:
    request = unsigned(ses)
    headers = {**request.headers, "content-type": "text/plain"}
    assert send(ses, http, attrs.evolve(request, headers=headers)) == "BadRequestException"


def test_the_sender_has_to_be_verified(ses: StandIn, http: httpx.Client) -> None:
    document = changed("FromEmailAddress", "eve@example.org")
    assert send(ses, http, unsigned(ses, document)) == "MessageRejected"


def test_it_refuses_when_told_to(ses: StandIn, http: httpx.Client) -> None:
    ses.refuse("TooManyRequestsException", "x", 429, times=2)
    assert [send(ses, http, unsigned(ses)) for _ in range(3)] == [
        "TooManyRequestsException", "TooManyRequestsException", None,
    ]  # fmt: skip
    ses.sending = False
    assert send(ses, http, unsigned(ses)) == "SendingPausedException"
