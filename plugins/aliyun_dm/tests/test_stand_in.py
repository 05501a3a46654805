"""The stand-in is as strict as the service: what is wrong with a request has its error code."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Any

import attrs
import httpx
import pytest

from passpost import Secret
from passpost_aliyun_dm.signature import (
    Credentials,
    SignatureVersion,
    Signed,
    Stamp,
    acs3_signature,
    canonical_query,
    canonical_request,
    sign,
)
from passpost_aliyun_dm_stand_in.rules import MAX_BODY
from passpost_aliyun_dm_stand_in.server import (
    FROZEN_SENDER,
    INACTIVE_KEY_ID,
    KEY_ID,
    SECRET,
    SENDER,
    STS_KEY_ID,
    STS_SECRET,
    STS_TOKEN,
    StandIn,
)
from pytest_passpost import StandIn as Protocol

KEY = Credentials(KEY_ID, Secret(SECRET))
TEMPORARY = Credentials(STS_KEY_ID, Secret(STS_SECRET), Secret(STS_TOKEN))
FORM = {
    "AccountName": SENDER,
    "AddressType": "1",
    "ReplyToAddress": "false",
    "ToAddress": "ada@example.com",
    "Subject": "Your code",
    "TextBody": "Your code is 123456",
}
VERSIONS: list[SignatureVersion] = ["3", "1.0"]


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def signed(aliyun: StandIn, version: SignatureVersion, **parts: Any) -> Signed:
    parts = {
        "credentials": KEY,
        "stamp": Stamp.fresh(),
        "host": f"127.0.0.1:{aliyun.server.port}",
        "action": "SingleSendMail",
        "form": FORM,
        **parts,
    }
    return sign(version, **parts)


def code(aliyun: StandIn, http: httpx.Client, request: Signed, method: str = "POST") -> str | None:
    """Return the error code that a request is answered with; None where it is accepted."""
    answer = http.request(
        method,
        f"{aliyun.server.url}/{'?' + request.query if request.query else ''}",
        headers=request.headers,
        content=request.body,
    )
    document: dict[str, str] = answer.json()
    assert "RequestId" in document
    assert ("Code" in document) is (answer.status_code >= 400)
    return document.get("Code")


def test_it_follows_the_protocol_of_stand_ins(aliyun: StandIn) -> None:
    assert isinstance(aliyun, Protocol)
    assert aliyun.wrong_settings["accessKeySecret"] != aliyun.settings["accessKeySecret"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_request_is_accepted(
    aliyun: StandIn, http: httpx.Client, version: SignatureVersion
) -> None:
    assert code(aliyun, http, signed(aliyun, version)) is None
    assert code(aliyun, http, signed(aliyun, version, credentials=TEMPORARY)) is None
    assert [mail.signature for mail in aliyun.received] == [version, version]
    assert aliyun.received[0].parameters == FORM


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (attrs.evolve(KEY, secret=Secret("wrong")), "SignatureDoesNotMatch"),
        (attrs.evolve(KEY, key_id="LTAIunknown"), "InvalidAccessKeyId.NotFound"),
        (attrs.evolve(KEY, key_id=INACTIVE_KEY_ID), "InvalidAccessKeyId.Inactive"),
        (attrs.evolve(TEMPORARY, token=None), "MissingSecurityToken"),
        (
            attrs.evolve(TEMPORARY, token=Secret("x")),
            "InvalidSecurityToken.MismatchWithAccessKey",
        ),
        (attrs.evolve(KEY, token=Secret("x")), "InvalidSecurityToken.MismatchWithAccessKey"),
    ],
)
def test_credentials_are_verified(
    aliyun: StandIn,
    http: httpx.Client,
    version: SignatureVersion,
    credentials: Credentials,
    expected: str,
) -> None:
    assert code(aliyun, http, signed(aliyun, version, credentials=credentials)) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_time_and_nonce_are_verified(http: httpx.Client, version: SignatureVersion) -> None:
    now = [0.0]

    def stamp(offset: float, nonce: str) -> Stamp:
        return Stamp(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now[0] + offset)), nonce)

    with StandIn(clock=lambda: now[0]) as aliyun:
        now[0] = 1_800_000_000.0
        for number, (offset, expected) in enumerate(
            [(0, None), (899, None), (-899, None), (901, "Expired"), (-901, "Expired")]
        ):
            got = code(aliyun, http, signed(aliyun, version, stamp=stamp(offset, str(number))))
            assert (got or "None").endswith(str(expected))
        again = signed(aliyun, version, stamp=stamp(0, "0"))
        assert code(aliyun, http, again) == "SignatureNonceUsed"
        malformed = signed(aliyun, version, stamp=Stamp("2026-01-01 00:00:00", "a"))
        assert code(aliyun, http, malformed) == "InvalidTimeStamp.Format"
        assert code(aliyun, http, signed(aliyun, version, stamp=stamp(0, ""))) == "MissingParameter"


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("authorization", "Bearer x", "IncompleteSignature"),
        ("x-acs-date", None, "IncompleteSignature"),
        ("x-acs-content-sha256", "0" * 64, "SignatureDoesNotMatch"),
        ("x-acs-content-sha256", None, "SignatureDoesNotMatch"),
        ("x-acs-version", "2014-05-26", "SignatureDoesNotMatch"),
        ("x-acs-action", "BatchSendMail", "SignatureDoesNotMatch"),
        ("content-type", "text/plain", "SignatureDoesNotMatch"),
        ("x-acs-extra", "unsigned", "IncompleteSignature"),
        ("host", "dm.example.com", "SignatureDoesNotMatch"),
    ],
)
def test_headers_of_version_3_are_verified(
    aliyun: StandIn, http: httpx.Client, header: str, value: str | None, expected: str
) -> None:
    request = signed(aliyun, "3")
    headers = {name: text for name, text in request.headers.items() if name != header}
    if value is not None:
        headers[header] = value
    assert code(aliyun, http, attrs.evolve(request, headers=headers)) == expected


def test_the_hash_of_the_body_is_compared(aliyun: StandIn, http: httpx.Client) -> None:
    # Signed as it is, but of another body.
    headers = {**signed(aliyun, "3").headers, "x-acs-content-sha256": "0" * 64}
    authorization = headers.pop("authorization")
    body = canonical_query(FORM)
    canonical, _ = canonical_request("POST", "/", "", headers, hashlib.sha256(body).hexdigest())
    signature = acs3_signature(canonical, Secret(SECRET))
    headers["authorization"] = f"{authorization.rpartition('=')[0]}={signature}"
    assert code(aliyun, http, Signed(headers, body)) == "SignatureDoesNotMatch"
    headers["x-acs-content-sha256"] = hashlib.sha256(body).hexdigest()
    assert code(aliyun, http, Signed(headers, body)) == "SignatureNonceUsed"


def test_a_changed_body_or_query_is_noticed(aliyun: StandIn, http: httpx.Client) -> None:
    request = signed(aliyun, "3")
    more = attrs.evolve(request, body=request.body + b"&TagName=x")
    assert code(aliyun, http, more) == "SignatureDoesNotMatch"
    request = signed(aliyun, "3")
    assert code(aliyun, http, attrs.evolve(request, query="TagName=x")) == "SignatureDoesNotMatch"
    request = signed(aliyun, "1.0")
    more = attrs.evolve(request, body=request.body + b"&TagName=x")
    assert code(aliyun, http, more) == "SignatureDoesNotMatch"
    assert aliyun.received == ()


def test_a_wrong_signature_is_answered_with_what_was_signed(
    aliyun: StandIn, http: httpx.Client
) -> None:
    # As the service does: it is why the connector never repeats those words.
    wrong = attrs.evolve(KEY, secret=Secret("wrong"))
    request = signed(aliyun, "1.0", credentials=wrong)
    answer = http.post(aliyun.server.url, headers=request.headers, content=request.body)
    assert "123456" in answer.json()["Message"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((b"Signature=", b"Unsigned="), "IncompleteSignature"),
        ((b"AccessKeyId=", b"AccessKey="), "IncompleteSignature"),
        ((b"HMAC-SHA1", b"HMAC-MD5"), "IncompleteSignature"),
        ((b"Format=JSON", b"Format=XML"), "InvalidParameter"),
        ((b"Version=2015-11-23", b"Version=2014-05-26"), "SignatureDoesNotMatch"),
        ((b"&Subject=", b"&ToAddress=x&Subject="), "InvalidParameter"),
        ((b"&Subject=", b"&=x&Subject="), "InvalidParameter"),
        ((b"&Subject=Your", b"&Subject=%ff"), "InvalidParameter"),
        ((b"&Subject=", b"&bare&Subject="), "InvalidParameter"),
    ],
)
def test_parameters_of_version_1_0_are_verified(
    aliyun: StandIn, http: httpx.Client, change: tuple[bytes, bytes], expected: str
) -> None:
    request = signed(aliyun, "1.0")
    assert change[0] in request.body
    changed = attrs.evolve(request, body=request.body.replace(*change, 1))
    assert code(aliyun, http, changed) == expected


def test_a_form_wants_its_content_type(aliyun: StandIn, http: httpx.Client) -> None:
    request = signed(aliyun, "1.0")
    plain = attrs.evolve(request, headers={**request.headers, "content-type": "text/plain"})
    assert code(aliyun, http, plain) == "IncompleteSignature"


def test_method_path_version_and_action_are_verified(aliyun: StandIn, http: httpx.Client) -> None:
    assert code(aliyun, http, signed(aliyun, "3"), "PUT") == "InvalidApi.NotFound"
    assert code(aliyun, http, signed(aliyun, "3", action="BatchSendMail")) == "InvalidApi.NotFound"
    other = attrs.evolve(signed(aliyun, "1.0"))
    twice = attrs.evolve(other, query="Subject=x")
    assert code(aliyun, http, twice) == "InvalidParameter"


def test_another_version_is_not_known(
    aliyun: StandIn, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passpost_aliyun_dm.signature.API_VERSION", "2014-05-26")
    for version in VERSIONS:
        assert code(aliyun, http, signed(aliyun, version)) == "NoSuchVersion"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"AccountName": ""}, "MissingParameter"),
        ({"AddressType": None}, "MissingParameter"),
        ({"ReplyToAddress": None}, "MissingParameter"),
        ({"Subject": None}, "MissingParameter"),
        ({"ToAddress": None}, "MissingParameter"),
        ({"TextBody": None}, "InvalidBody"),
        ({"HtmlBody": "<p>as well</p>"}, "InvalidBody"),
        ({"TextBody": "x" * (MAX_BODY + 1)}, "InvalidBody"),
        ({"AccountName": "nobody@mail.example.com"}, "InvalidMailAddress.NotFound"),
        ({"AccountName": "nobody"}, "InvalidMailAddress.NotFound"),
        ({"AccountName": FROZEN_SENDER}, "InvalidMailAddressStatus.Malformed"),
        ({"AddressType": "2"}, "InvalidParameter"),
        ({"ReplyToAddress": "1"}, "InvalidParameter"),
        ({"ToAddress": "nobody"}, "InvalidToAddress"),
        ({"ToAddress": "a@example.com,nobody"}, "InvalidToAddress"),
        ({"ToAddress": ",".join(["a@example.com"] * 101)}, "InvalidToAddress"),
        ({"Subject": "x" * 257}, "InvalidSubject.Malformed"),
        ({"Subject": "a\nb"}, "InvalidSubject.Malformed"),
        ({"FromAlias": "x" * 16}, "InvalidFromAlias.Malformed"),
        ({"FromAlias": "a\rb"}, "InvalidFromAlias.Malformed"),
        ({"ReplyAddress": "nobody"}, "InvalidReplyAddress.Malformed"),
        ({"ReplyAddressAlias": "a\0b"}, "InvalidReplyAddressAlias.Malformed"),
        ({"TagName": "a b"}, "InvalidTagName.Malformed"),
        ({"ClickTrace": "yes"}, "InvalidParameter"),
        ({"Headers": "no json"}, "InvalidParameter"),
        ({"Headers": "[]"}, "InvalidParameter"),
        ({"Headers": '{"X-Mailer": "x"}'}, "InvalidParameter"),
        ({"Headers": '{"X-User-A": 1}'}, "InvalidParameter"),
        ({"Headers": '{"X-User-A": "a\\nb"}'}, "InvalidParameter"),
        (
            {"Headers": str({f"X-User-{n}": "x" for n in range(11)}).replace("'", '"')},
            "InvalidParameter",
        ),
        ({"BccAddress": "a@example.com"}, "InvalidParameter"),
    ],
)
def test_parameters_are_verified(
    aliyun: StandIn, http: httpx.Client, parameters: dict[str, str | None], expected: str
) -> None:
    form = {name: value for name, value in {**FORM, **parameters}.items() if value is not None}
    assert code(aliyun, http, signed(aliyun, "3", form=form)) == expected
    assert aliyun.received == ()


def test_commas_make_several_recipients(aliyun: StandIn, http: httpx.Client) -> None:
    form = {**FORM, "ToAddress": "a@example.com,b@example.com"}
    assert code(aliyun, http, signed(aliyun, "3", form=form)) is None
    assert [mail.recipient for mail in aliyun.received] == ["a@example.com", "b@example.com"]


def test_it_refuses_on_demand(aliyun: StandIn, http: httpx.Client) -> None:
    aliyun.refuse("Throttling.User", status=429, times=2)
    codes = [code(aliyun, http, signed(aliyun, "3")) for _ in range(3)]
    assert codes == ["Throttling.User", "Throttling.User", None]


def test_lookups_take_their_own_parameters_alone(aliyun: StandIn, http: httpx.Client) -> None:
    for action in ("DescAccountSummary", "QueryMailAddressByParam"):
        request = signed(aliyun, "3", action=action, form={}, query={"Subject": "x"})
        assert code(aliyun, http, request) == "InvalidParameter"


def test_it_shows_no_mail(aliyun: StandIn, http: httpx.Client) -> None:
    assert code(aliyun, http, signed(aliyun, "3")) is None
    (mail,) = aliyun.received
    assert mail.text == "Your code is 123456"
    for shown in (repr(aliyun), repr(mail), repr(aliyun.service), repr(aliyun.server.requests)):
        assert "123456" not in shown
        assert SECRET not in shown
