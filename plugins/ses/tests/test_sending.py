from __future__ import annotations

from typing import Any

import pytest

from passpost import Address, Mail, Receipt, SendError
from passpost_ses import hooks
from passpost_ses.errors import known_fault
from passpost_ses_stand_in.server import VERIFIED_RECIPIENT, StandIn
from pytest_passpost import Answer, HttpServer

pytestmark = pytest.mark.anyio


async def attempt(config: Any, mail: Mail) -> Receipt | SendError:
    async with hooks.open_session(config) as session:
        try:
            return await hooks.send_mail(session, mail)
        except SendError as error:
            return error


async def refused(config: Any, mail: Mail) -> SendError:
    result = await attempt(config, mail)
    assert isinstance(result, SendError)
    return result


async def test_the_least_mail(ses: StandIn, configure: Any, make_mail: Any) -> None:
    receipt = await attempt(configure(), make_mail())
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == "0107018f0a1b2c3d-00000001-000000"
    mail: Any = ses.received[0]
    assert mail.document == {
        "FromEmailAddress": "Example <no-reply@example.com>",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Your code", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": "Your code is 123456", "Charset": "UTF-8"}},
                "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
            }
        },
    }


async def test_a_mail_with_everything(ses: StandIn, configure: Any, make_mail: Any) -> None:
    sent = make_mail(
        to=Address("ada@邮件.example"),
        sender=Address("accounts@example.com", '安全, "A"'),
        reply_to=Address("help@example.com", "Hilfe"),
        subject="验证码 =?utf-8?q?x?=",
        html="<p>123456</p>",
        headers={"X-Note": "für Ada"},
    )
    assert isinstance(await attempt(configure(**ses.temporary_settings), sent), Receipt)
    mail: Any = ses.received[0]
    assert mail.recipient == "ada@xn--5nq051n.example"
    assert Address.parse(mail.sender) == sent.sender
    assert mail.reply_to == "Hilfe <help@example.com>"
    assert (mail.subject, mail.html) == ("验证码 =?utf-8?q?x?=", "<p>123456</p>")
    assert mail.headers["X-Note"].startswith("=?utf-8?")


async def test_where_answers_go(ses: StandIn, configure: Any, make_mail: Any) -> None:
    config = configure(replyTo="Support <support@example.com>")
    await attempt(config, make_mail())
    await attempt(config, make_mail(reply_to=Address("other@example.com")))
    mails: Any = ses.received
    assert [m.reply_to for m in mails] == ["Support <support@example.com>", "other@example.com"]


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({f"X-{number}": "a" for number in range(14)}, True),
        ({f"X-{number}": "a" for number in range(15)}, False),
        ({"X-A": "x" * 993}, True),
        ({"X-A": "x" * 994}, False),
        ({"X": "x" * 995}, True),
        ({"X": "x" * 996}, False),
        ({"X-A": ""}, False),
        ({"X-A": "é" * 700}, False),
        ({"X" * 127: "a"}, False),
    ],
)
async def test_headers_have_limits(
    ses: StandIn, configure: Any, make_mail: Any, headers: Any, *, taken: bool
) -> None:
    result = await attempt(configure(), make_mail(headers=headers))
    assert isinstance(result, Receipt) is taken
    assert len(ses.server.requests) == taken
    if isinstance(result, SendError):
        assert (result.outcome, result.scope, result.temporary) == ("rejected", "message", False)


TABLE = [
    ("MessageRejected", 400, "message", False),
    ("BadRequestException", 400, "message", False),
    ("ValidationException", 400, "message", False),
    ("RequestEntityTooLargeException", 413, "message", False),
    ("MailFromDomainNotVerifiedException", 400, "account", False),
    ("AccountSuspendedException", 400, "account", False),
    ("SendingPausedException", 400, "account", False),
    ("LimitExceededException", 400, "account", False),
    ("NotFoundException", 404, "account", False),
    ("AccessDeniedException", 403, "account", False),
    ("AccessDenied", 403, "account", False),
    ("SignatureDoesNotMatch", 403, "account", False),
    ("InvalidSignatureException", 403, "account", False),
    ("IncompleteSignature", 400, "account", False),
    ("InvalidClientTokenId", 403, "account", False),
    ("UnrecognizedClientException", 400, "account", False),
    ("MissingAuthenticationToken", 403, "account", False),
    ("ExpiredTokenException", 403, "account", False),
    ("ExpiredToken", 400, "account", False),
    ("RequestExpired", 400, "account", False),
    ("OptInRequired", 403, "account", False),
    ("TooManyRequestsException", 429, "provider", True),
    ("ThrottlingException", 400, "provider", True),
    ("Throttling", 400, "provider", True),
    ("ServiceUnavailable", 503, "provider", True),
]


@pytest.mark.parametrize(("code", "status", "scope", "temporary"), TABLE)
async def test_error_codes(
    ses: StandIn,
    configure: Any,
    make_mail: Any,
    code: str,
    status: int,
    scope: str,
    *,
    temporary: bool,
) -> None:
    ses.refuse(code, "No", status, headers={"Retry-After": "7"})
    error = await refused(configure(), make_mail())
    assert (error.outcome, error.scope, error.temporary) == ("rejected", scope, temporary)
    assert error.provider_code == code
    assert error.retry_after == (7 if temporary else None)
    assert error.response == "RequestId 5d1e2f3a-0000-4000-8000-0123456789ab"
    assert error.hint
    assert known_fault(code) is known_fault(code.removesuffix("Exception")) is not None
    assert ses.received == ()


@pytest.mark.parametrize(
    ("code", "status", "says", "scope", "word"),
    [
        ("MessageRejected", 400, "Email address is not verified. x", "account", "sandbox"),
        ("TooManyRequestsException", 429, "Daily message quota exceeded", "account", "24 hours"),
        ("InvalidSignatureException", 403, "Signature expired: 2026", "account", "clock"),
        ("SignatureDoesNotMatch", 403, "Signature not yet current: 2026", "account", "clock"),
        ("SignatureDoesNotMatch", 403, "does not match", "account", "secretAccessKey"),
    ],
)
async def test_words_tell_two_matters_of_one_code_apart(
    ses: StandIn,
    configure: Any,
    make_mail: Any,
    code: str,
    status: int,
    says: str,
    scope: str,
    word: str,
) -> None:
    ses.refuse(code, says, status)
    error = await refused(configure(), make_mail())
    assert (error.scope, error.temporary) == (scope, False)
    assert word in (error.hint or "")


@pytest.mark.parametrize(
    ("headers", "document", "status", "code", "verdict"),
    [
        ({}, {"__type": "com.amazonaws.ses#SendingPausedException"}, 400,
         "SendingPausedException", ("rejected", "account", False)),
        ({"x-amzn-ErrorType": "NewException"}, {}, 400,
         "NewException", ("rejected", "provider", False)),
        ({"x-amzn-ErrorType": "InternalFailure"}, {}, 500,
         "InternalFailure", ("unknown", "provider", True)),
        ({"x-amzn-ErrorType": "no code!"}, {}, 400, "HTTP 400", ("rejected", "provider", False)),
        ({}, {"__type": 7}, 403, "HTTP 403", ("rejected", "account", False)),
        ({}, {"message": "x"}, 502, "HTTP 502", ("unknown", "provider", True)),
        ({}, {"MessageId": ""}, 200, "HTTP 200", ("unknown", "provider", False)),
        ({}, {"MessageId": "a1"}, 500, "HTTP 500", ("unknown", "provider", True)),
        ({"x-amzn-RequestId": "x" * 999}, {}, 500, "HTTP 500", ("unknown", "provider", True)),
    ],
)  # fmt: skip
async def test_answers_of_another_shape(
    configure: Any,
    make_mail: Any,
    headers: Any,
    document: Any,
    status: int,
    code: str,
    verdict: tuple[str, str, bool],
) -> None:
    answer = Answer.json(document, status)
    with HttpServer(Answer(status, answer.body, headers)) as server:
        error = await refused(configure(endpoint=server.url), make_mail())
    assert (error.outcome, error.scope, error.temporary) == verdict
    assert (error.provider_code, error.response) == (code, None)


async def test_the_sandbox(ses: StandIn, configure: Any, make_mail: Any) -> None:
    ses.production = False
    error = await refused(configure(), make_mail(to=Address("ada@example.net")))
    assert (error.scope, error.provider_code) == ("account", "MessageRejected")
    assert "ada@" not in f"{error}{error.facts()}"
    to = Address(VERIFIED_RECIPIENT)
    assert isinstance(await attempt(configure(), make_mail(to=to)), Receipt)


async def test_an_unknown_configuration_set(configure: Any, make_mail: Any) -> None:
    error = await refused(configure(configurationSetName="other"), make_mail())
    assert (error.scope, error.provider_code) == ("account", "NotFoundException")


async def test_each_attempt_is_signed_anew(ses: StandIn, configure: Any, make_mail: Any) -> None:
    async with hooks.open_session(configure()) as session:
        for _ in range(3):
            await hooks.send_mail(session, make_mail())
    assert all(request.header("authorization") for request in ses.server.requests)
    assert ses.server.connection_count == 1
