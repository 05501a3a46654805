from __future__ import annotations

from typing import Any

import pytest

from passpost import Address, Mail, Receipt, SendError
from passpost.config import warnings
from passpost_sendgrid import hooks
from passpost_sendgrid_stand_in.server import OTHER_SENDER, StandIn
from pytest_passpost import Answer, HttpServer

pytestmark = pytest.mark.anyio


async def attempt(config: Any, mail: Mail) -> Receipt | SendError:
    async with hooks.open_session(config) as session:
        try:
            return await hooks.send_mail(config, session, mail)
        except SendError as error:
            return error


async def refused(config: Any, mail: Mail) -> SendError:
    result = await attempt(config, mail)
    assert isinstance(result, SendError)
    return result


async def test_the_least_mail(sendgrid: StandIn, configure: Any, make_mail: Any) -> None:
    receipt = await attempt(configure(), make_mail())
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == "StandIn00000000"
    mail: Any = sendgrid.received[0]
    assert mail.document == {
        "personalizations": [{"to": [{"email": "ada@example.com"}]}],
        "from": {"email": "no-reply@example.com", "name": "Example"},
        "subject": "Your code",
        "content": [{"type": "text/plain", "value": "Your code is 123456"}],
        "headers": {"Auto-Submitted": "auto-generated"},
        "tracking_settings": {"click_tracking": {"enable": False, "enable_text": False}},
    }


async def test_a_mail_with_everything(sendgrid: StandIn, configure: Any, make_mail: Any) -> None:
    sent = make_mail(
        to=Address("ada@邮件.example"),
        sender=Address(OTHER_SENDER, "安全"),
        reply_to=Address("help@example.com", "Hilfe, Ü"),
        html="<p>123456</p>",
        headers={"X-Note": "für Ada", "List-Unsubscribe": "<https://example.com/u>"},
    )
    assert isinstance(await attempt(configure(), sent), Receipt)
    mail: Any = sendgrid.received[0]
    assert mail.recipient == "ada@xn--5nq051n.example"
    assert mail.sender == f"安全 <{OTHER_SENDER}>"
    assert mail.reply_to == '"Hilfe, Ü" <help@example.com>'
    assert (mail.text, mail.html) == ("Your code is 123456", "<p>123456</p>")
    assert mail.headers == {
        "Auto-Submitted": "auto-generated",
        "X-Note": "=?utf-8?q?f=C3=BCr_Ada?=",
        "List-Unsubscribe": "<https://example.com/u>",
    }


async def test_where_answers_go(sendgrid: StandIn, configure: Any, make_mail: Any) -> None:
    config = configure(replyTo="Support <support@example.com>")
    await attempt(config, make_mail())
    await attempt(config, make_mail(reply_to=Address("other@example.com")))
    mails: Any = sendgrid.received
    assert [mail.reply_to for mail in mails] == [
        "Support <support@example.com>",
        "other@example.com",
    ]


@pytest.mark.parametrize(
    ("status", "field", "outcome", "scope", "temporary"),
    [
        (400, "from.email", "rejected", "account", False),
        (400, "from", "rejected", "account", False),
        (400, "personalizations.0.to.0.email", "rejected", "recipient", False),
        (400, "personalizations", "rejected", "recipient", False),
        (400, "subject", "rejected", "message", False),
        (400, "content.0.value", "rejected", "message", False),
        (400, "headers.X-A", "rejected", "message", False),
        (400, "reply_to.email", "rejected", "message", False),
        (400, None, "rejected", "provider", False),
        (401, None, "rejected", "account", False),
        (403, None, "rejected", "account", False),
        (403, "from", "rejected", "account", False),
        (404, None, "rejected", "account", False),
        (405, None, "rejected", "provider", False),
        (413, None, "rejected", "message", False),
        (415, None, "rejected", "provider", False),
        (429, None, "rejected", "provider", True),
        (500, None, "unknown", "provider", True),
        (503, None, "rejected", "provider", True),
    ],
)
async def test_errors(
    sendgrid: StandIn,
    configure: Any,
    make_mail: Any,
    status: int,
    field: str | None,
    outcome: str,
    scope: str,
    *,
    temporary: bool,
) -> None:
    sendgrid.refuse(status, "No", field, headers={"Retry-After": "7"})
    error = await refused(configure(), make_mail())
    assert (error.outcome, error.scope, error.temporary) == (outcome, scope, temporary)
    assert error.retry_after == (7 if temporary else None)
    assert error.provider_code == f"HTTP {status}"
    assert error.hint
    assert sendgrid.received == ()


async def test_an_unverified_sender(configure: Any, make_mail: Any) -> None:
    error = await refused(configure(fromEmail="someone@example.com"), make_mail())
    assert (error.scope, error.provider_code) == ("account", "HTTP 403")
    assert "Verify the sender" in (error.hint or "")


@pytest.mark.parametrize(
    "errors", [None, [], "no", [7], [{}], [{"field": 7}], {"field": "from"}], ids=str
)
async def test_errors_of_another_shape(configure: Any, make_mail: Any, errors: Any) -> None:
    with HttpServer(Answer.json({"errors": errors}, 400)) as server:
        error = await refused(configure(endpoint=server.url), make_mail())
    assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", False)


@pytest.mark.parametrize(
    ("answer", "provider_id"),
    [
        (Answer(202, b"", {"X-Message-Id": "a1"}), "a1"),
        (Answer(202), None),
        (Answer(202, b"", {"X-Message-Id": "x" * 999}), None),
    ],
    ids=str,
)
async def test_the_id_of_a_mail(
    configure: Any, make_mail: Any, answer: Answer, provider_id: str | None
) -> None:
    with HttpServer(answer) as server:
        receipt = await attempt(configure(endpoint=server.url), make_mail())
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == provider_id


async def test_sandbox_mode_is_no_acceptance(configure: Any, make_mail: Any) -> None:
    with HttpServer(Answer(200)) as server:
        error = await refused(configure(endpoint=server.url), make_mail())
    assert (error.outcome, error.scope) == ("unknown", "provider")


@pytest.mark.parametrize("preset", hooks.connector_info().presets, ids=lambda preset: preset.id)
def test_presets(preset: Any) -> None:
    config = hooks.parse_config(preset.settings)
    assert {problem.path for problem in warnings(config)} == {"apiKey", "fromEmail"}


def test_where_mails_go() -> None:
    bases = [
        hooks.open_session(hooks.parse_config(preset.settings)).host
        for preset in hooks.connector_info().presets
    ]
    assert bases == ["api.sendgrid.com", "api.eu.sendgrid.com"]


def test_the_connector_is_short() -> None:
    import passpost_sendgrid as package  # noqa: PLC0415 - only this test looks at its files

    (folder,) = package.__path__
    from pathlib import Path  # noqa: PLC0415 - likewise

    files = [Path(folder) / name for name in ("__init__.py", "config.py", "hooks.py")]
    lines = sum(len(file.read_text("utf-8").splitlines()) for file in files)
    assert lines <= 120
