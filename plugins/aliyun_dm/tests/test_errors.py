from __future__ import annotations

import json
import pickle

import pytest

from passpost.http import MAX_WAIT, Answer
from passpost_aliyun_dm.errors import refusal, retry_after


def answer(status: int, document: object = None, **headers: str) -> Answer:
    body = b"" if document is None else json.dumps(document).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("code", "scope", "temporary"),
    [
        ("InvalidToAddress", "recipient", False),
        ("InvalidToAddress.Spam", "recipient", False),
        ("InvalidReceiverName.Malformed", "recipient", False),
        ("EmailFormatError", "recipient", False),
        ("EmailLengthError", "recipient", False),
        ("InvalidBody", "message", False),
        ("InvalidBody.Malformed", "message", False),
        ("InvalidSubject.Malformed", "message", False),
        ("InvalidFromAlias.Malformed", "message", False),
        ("InvalidFromALias.Malformed", "message", False),
        ("InvalidReplyAddress.Malformed", "message", False),
        ("InvalidReplyAddressAlias.Malformed", "message", False),
        ("InvalidReplyAddress.Alias.Malformed", "message", False),
        ("InvalidMailAddress.NotFound", "account", False),
        ("InvalidMailAddressStatus.Malformed", "account", False),
        ("InvalidMailAddressDomain.Malformed", "account", False),
        ("InvalidMailAddressSendType.Malformed", "account", False),
        ("MissingParameter", "account", False),
        ("NoSuchVersion", "account", False),
        ("InvalidApi.NotFound", "account", False),
        ("SignatureDoesNotMatch", "account", False),
        ("Signature", "account", False),
        ("IncompleteSignature", "account", False),
        ("InvalidAccessKeyId.NotFound", "account", False),
        ("InvalidAccessKeyId.Inactive", "account", False),
        ("InvalidTimeStamp.Format", "account", False),
        ("InvalidTimeStamp.Expired", "account", False),
        ("InvalidSecurityToken.Expired", "account", False),
        ("Forbidden", "account", False),
        ("Forbidden.RAM", "account", False),
        ("InvalidSendMail.Spam", "account", False),
        ("Throttling", "provider", True),
        ("Throttling.User", "provider", True),
        ("throttling.api", "provider", True),
        ("ServiceUnavailable", "provider", True),
        ("InternalError", "provider", True),
        ("InternalServiceError", "provider", True),
        ("SignatureNonceUsed", "provider", True),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403, 500, 503])
def test_a_known_code_decides_whatever_the_status(
    code: str, scope: str, status: int, *, temporary: bool
) -> None:
    error = refusal(answer(status, {"Code": code, "Message": "No."}))
    assert (error.outcome, error.scope, error.temporary) == ("rejected", scope, temporary)
    assert error.provider_code == code
    assert error.hint


def test_the_longest_prefix_gives_the_hint() -> None:
    def hint(code: str) -> str:
        return refusal(answer(400, {"Code": code})).hint or ""

    assert "clock" in hint("InvalidTimeStamp.Expired")
    assert "clock" not in hint("InvalidTimeStamp.Format")
    assert "region" in hint("InvalidMailAddress.NotFound")
    assert "frozen" in hint("InvalidMailAddressStatus.Malformed")


@pytest.mark.parametrize(
    ("status", "document", "outcome", "scope", "temporary"),
    [
        (200, {}, "unknown", "provider", False),
        (204, None, "unknown", "provider", False),
        (200, {"Code": "Unheard.Of"}, "unknown", "provider", False),
        (200, ["EnvId"], "unknown", "provider", False),
        (302, None, "unknown", "provider", False),
        (303, {"Code": "Unheard.Of"}, "unknown", "provider", False),
        (307, None, "rejected", "provider", False),
        (400, {"Code": "Unheard.Of"}, "rejected", "provider", False),
        (404, {"Code": "Unheard.Of"}, "rejected", "provider", False),
        (500, {"Code": "Unheard.Of"}, "unknown", "provider", True),
        (503, {"Code": "Unheard.Of"}, "unknown", "provider", True),
        (400, None, "rejected", "provider", False),
        (401, None, "rejected", "account", False),
        (403, None, "rejected", "account", False),
        (404, None, "rejected", "account", False),
        (407, None, "rejected", "network", False),
        (408, None, "rejected", "provider", True),
        (413, None, "rejected", "message", False),
        (418, None, "rejected", "provider", False),
        (429, None, "rejected", "provider", True),
        (500, None, "unknown", "provider", True),
        (502, None, "unknown", "provider", True),
        (503, None, "rejected", "provider", True),
        (504, None, "unknown", "provider", True),
    ],
)
def test_the_status_decides_where_no_known_code_is(
    status: int, document: object, outcome: str, scope: str, *, temporary: bool
) -> None:
    error = refusal(answer(status, document))
    assert (error.outcome, error.scope, error.temporary) == (outcome, scope, temporary)
    assert error.hint


@pytest.mark.parametrize("body", [b"<html>502</html>", b"\xff", b"[" * 60_000, b'"x"', None])
def test_what_is_no_document_has_no_code(body: bytes | None) -> None:
    error = refusal(Answer(502, {}, body))
    assert error.provider_code == "HTTP 502"
    assert error.response is None


@pytest.mark.parametrize("code", [7, None, "", "x" * 100, "a b", "Code\r\nX: y", "{}", "1nvalid"])
def test_what_is_no_code_is_not_repeated(code: object) -> None:
    error = refusal(answer(400, {"Code": code, "Message": "Fine words"}))
    assert error.provider_code == "HTTP 400"
    assert error.response is None


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("The specified toAddress is wrongly formed.", True),
        ("User not authorized to operate on the resource, or (this API).", True),
        ("A dog", True),
        ("Call Ada Lovelace", False),
        ("Your code is 123456", False),
        ("string to sign is:POST&%2F&", False),
        ("U2VjcmV0U2VjcmV0U2VjcmV0U2Vj", False),
        ("x" * 21, False),
        ("many words " * 30, False),
        ("two\nlines", False),
        ("<b>", False),
        ("", False),
        (7, False),
    ],
)
def test_words_are_kept_only_if_they_can_hold_nothing_of_the_mail(
    message: object, *, kept: bool
) -> None:
    document = {"Code": "Unheard.Of", "Message": message, "RequestId": "ABCDEF01-2345"}
    response = refusal(answer(400, document), ("ada@example.com", "ada lovelace", "a")).response
    words = f"{message}".rstrip(" .") + "; " if kept else ""
    assert response == f"{words}RequestId ABCDEF01-2345"


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "IncompleteSignature"])
def test_words_about_a_signature_are_never_kept(code: str) -> None:
    error = refusal(answer(400, {"Code": code, "Message": "server string to sign is"}))
    assert error.response is None


@pytest.mark.parametrize("request_id", ["short", "x" * 80, "has space here", 12345678])
def test_what_is_no_request_id_is_not_repeated(request_id: object) -> None:
    error = refusal(answer(400, {"Code": "Unheard.Of", "RequestId": request_id}))
    assert error.response is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 30 "}, 30.0),
        ({"x-acs-retry-after": "1500"}, 1.5),
        ({"x-acs-retry-after": "1500", "retry-after": "30"}, 1.5),
        ({"x-acs-retry-after": "0", "retry-after": "30"}, 30.0),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_WAIT),
        ({"x-acs-retry-after": "1e9", "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_WAIT),
        ({"x-acs-retry-after": "-1"}, None),
        ({"x-acs-retry-after": "nan"}, None),
        ({"x-acs-retry-after": "99999999999"}, MAX_WAIT),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "99999999"}, MAX_WAIT),
        ({"retry-after": "9" * 5000}, None),
    ],
)
def test_delays_are_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Answer(429, headers)) == seconds


def test_a_delay_is_given_where_waiting_helps() -> None:
    throttled = answer(400, {"Code": "Throttling.User"}, retry_after="7")
    assert refusal(throttled).retry_after == 7.0
    assert refusal(answer(400, {"Code": "Forbidden"}, retry_after="7")).retry_after is None


def test_an_error_survives_pickling() -> None:
    error = refusal(answer(400, {"Code": "Throttling.User"}))
    assert pickle.loads(pickle.dumps(error)).facts() == error.facts()  # noqa: S301 - our own pickle
