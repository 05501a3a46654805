"""Checks of emails that go well: they arrive once, to the letter, at the one who was meant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import passpost
from passpost import Address, Capability, Mail, MessageError, Receipt, SendError
from passpost._messages.payload import frozen_payload
from pytest_passpost.suite.instruments.bench import CODE, NAME, ONE_ATTEMPT
from pytest_passpost.suite.instruments.texts import (
    BODIES,
    HTML,
    RECIPIENTS,
    REFUSED_IN_LINE,
    REFUSED_RECIPIENTS,
    SUBJECTS,
    named_character,
)

if TYPE_CHECKING:
    from pytest_passpost.suite.instruments.bench import Bench

REPLY_TO = Address("support@example.com")
HEADER = "List-Unsubscribe"
UNSUBSCRIBE = "<https://example.com/unsubscribe?code=1>"


class SendingChecks:
    """`send_mail` when all is well."""

    def test_mail_arrives(self, bench: Bench) -> None:
        result = bench.send(bench.mail())
        assert isinstance(result, Receipt), bench.refused(result)
        assert len(bench.received) == 1, "one email became several, or none"
        mail = bench.received[0]
        assert mail.recipient == "ada@example.com"
        content = f"{mail.subject} {mail.text} {mail.html}"
        assert CODE in content, "the code did not arrive"

    def test_mail_through_the_mailer(self, bench: Bench) -> None:
        connector = _configured(bench)
        with passpost.Mailer(
            connector, templates=[template_for(bench)], policy=ONE_ATTEMPT
        ) as mailer:
            result = mailed(mailer)
        assert isinstance(result, Receipt), bench.refused(result)
        assert [mail.recipient for mail in bench.received] == ["ada@example.com"]

    @pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
    def test_subject_to_the_letter(self, bench: Bench, subject: str) -> None:
        mail = _arrived(bench, bench.mail(**_if_content(bench, subject=subject)))
        assert bench.can(Capability.PROVIDER_TEMPLATES) or mail.subject == subject

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_body_to_the_letter(self, bench: Bench, body: str) -> None:
        kind = "text" if bench.can(Capability.TEXT) else "html"
        mail = _arrived(bench, bench.mail(**_if_content(bench, **{kind: body})))
        if not bench.can(Capability.PROVIDER_TEMPLATES):
            assert _body(getattr(mail, kind)) == _body(body)

    @pytest.mark.parametrize("to", RECIPIENTS)
    def test_exactly_one_recipient(self, bench: Bench, to: str) -> None:
        address = Address.plain(to)
        result = bench.send(bench.mail(to=address))
        arrived = [mail.recipient for mail in bench.received]
        if isinstance(result, SendError):
            assert arrived == [], "the email went out, and the connector says it did not"
            assert result.scope == "recipient", "an address that cannot be served is rejected so"
        else:
            assert arrived in ([address.address], [address.wire]), "one recipient became another"

    @pytest.mark.parametrize("to", REFUSED_RECIPIENTS, ids=ascii)
    def test_no_second_recipient(self, bench: Bench, to: str) -> None:
        connector = _configured(bench)
        with (
            passpost.Mailer(
                connector, templates=[template_for(bench)], policy=ONE_ATTEMPT
            ) as mailer,
            pytest.raises(MessageError),
        ):
            mailer.send(passpost.Message(to=to, usage="SignIn", payload={"code": CODE}))
        assert bench.proxy.octets == 0

    @pytest.mark.parametrize("character", REFUSED_IN_LINE, ids=named_character)
    def test_injection_is_refused(self, bench: Bench, character: str) -> None:
        if bench.can(Capability.PROVIDER_TEMPLATES):
            # There is no subject, and a payload is data: it must arrive as it is.
            _arrived(
                bench, bench.mail(payload=frozen_payload({"code": CODE, "name": f"A{character}B"}))
            )
            return
        connector = _configured(bench)
        with (
            passpost.Mailer(
                connector, templates=[template_for(bench)], policy=ONE_ATTEMPT
            ) as mailer,
            pytest.raises(MessageError),
        ):
            mailer.send(message_for(name=f"A{character}Bcc: eve@example.net"))
        assert bench.proxy.octets == 0

    @pytest.mark.parametrize("capability", Capability, ids=str)
    def test_capability(self, bench: Bench, capability: Capability) -> None:
        check = _CAPABILITIES[capability]
        check(bench, claimed=bench.can(capability))

    def test_connections_are_reused(self, bench: Bench) -> None:
        config = bench.config()

        async def send() -> None:
            async with bench.opened(config) as session:
                for _ in range(3):
                    result = await bench.result(config, session)
                    assert isinstance(result, Receipt), bench.refused(result)

        bench.run(send)
        assert bench.proxy.connection_count == 1, "each email costs a connection of its own"

    def test_concurrent_sends(self, bench: Bench) -> None:
        people = [f"person{number}@example.com" for number in range(8)]
        config = bench.config()

        async def send() -> list[Any]:
            async with bench.opened(config) as session:
                mails = [_personal(bench, person) for person in people]
                return await asyncio.gather(*(bench.result(config, session, m) for m in mails))

        results = bench.run(send)
        for result in results:
            assert isinstance(result, Receipt), bench.refused(result)
        assert sorted(mail.recipient for mail in bench.received) == sorted(people)
        for mail in bench.received:
            content = f"{mail.subject} {mail.text} {mail.html}"
            assert mail.recipient.partition("@")[0] in content, "an email got another one's content"
        known = [one.provider_id for one in results if one.provider_id is not None]
        assert len(set(known)) == len(known), "two emails got one provider_id"


def mailed(mailer: passpost.Mailer) -> Receipt | SendError:
    """Send a message, and return the error in place of raising it."""
    try:
        return mailer.send(message_for())
    except SendError as error:
        return error


def _text(bench: Bench, *, claimed: bool) -> None:
    content: dict[str, Any] = {"subject": "Code", "text": "Your code\n"}
    if not claimed:
        _refused(bench, passpost.Template(usage_type="Generic", subject="Code", content="x"))
        return
    mail = _arrived(bench, bench.mail(html=None, **content))
    assert mail.html is None, "plain text arrived as HTML"
    assert _body(mail.text) == "Your code"


def _html(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        _refused(bench, _html_template())
        return
    mail = _arrived(bench, bench.mail(subject="Code", text=None, html=HTML))
    assert _body(mail.html) == _body(HTML)


def _alternative(bench: Bench, *, claimed: bool) -> None:
    if not claimed and bench.can(Capability.HTML):
        template = _html_template(text="plain")
        with passpost.Mailer(
            _configured(bench), templates=[template], policy=ONE_ATTEMPT
        ) as mailer:
            result = mailed(mailer)
            assert isinstance(result, Receipt), bench.refused(result)
        assert bench.received[0].text is None, "passpost leaves the plain text out"
    if not claimed:
        return
    mail = _arrived(bench, bench.mail(subject="Code", text="Your code\n", html=HTML))
    assert (_body(mail.text), _body(mail.html)) == ("Your code", _body(HTML))


def _reply_to(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        _refused(bench, template_for(bench), reply_to=REPLY_TO)
        return
    mail = _arrived(bench, bench.mail(reply_to=REPLY_TO))
    assert mail.reply_to == REPLY_TO.address, "Reply-To did not arrive (ReadableMail.reply_to)"


def _headers(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        _refused(bench, template_for(bench), headers={HEADER: UNSUBSCRIBE})
        return
    mail = _arrived(bench, bench.mail(headers={HEADER: UNSUBSCRIBE}))
    assert mail.headers.get(HEADER) == UNSUBSCRIBE, "a header is lost (ReadableMail.headers)"


def _sender(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        _refused(bench, template_for(bench, send_from="other@example.com"))
        return
    given = Address.parse(_sender_of(bench))
    named = Address(given.address, "Zoë, 安全")
    result = bench.send(bench.mail(sender=named))
    if isinstance(result, SendError):
        assert result.scope in ("account", "message"), "it claims to send for a template's sender"
        assert not bench.received
    else:
        assert Address.parse(bench.received[-1].sender) == named


def _message_id(bench: Bench, *, claimed: bool) -> None:
    mail = bench.mail()
    arrived = _arrived(bench, mail)
    if claimed:
        assert arrived.message_id == mail.message_id, "ReadableMail.message_id is another one"


def _smtputf8(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        _refused(bench, template_for(bench), to="дмитрий@example.com")
        return
    mail = _arrived(bench, bench.mail(to=Address.plain("дмитрий@example.com")))
    assert mail.recipient == "дмитрий@example.com"


def _provider_templates(bench: Bench, *, claimed: bool) -> None:
    if not claimed:
        return  # all other checks send with content
    mail = _arrived(bench, bench.mail(usage="SignIn", locale="zh-CN"))
    content = f"{mail.subject} {mail.text} {mail.html}"
    missing = [part for part in ("SignIn", "zh-CN", CODE) if part not in content]
    assert missing == [], "usage, locale or payload did not arrive"


def _check_connection(bench: Bench, *, claimed: bool) -> None:
    assert bench.hooks.checks_connection == claimed, "check_connection and the claim differ"
    if not claimed:
        return
    found = _findings(bench, bench.settings)
    assert found, "check_connection finds nothing"
    assert [one for one in found if one.result == "error"] == []
    if bench.wrong_settings is not None:
        wrong = _findings(bench, bench.wrong_settings)
        errors = [one for one in wrong if one.result == "error"]
        assert errors, "wrong credentials are not an error"
        assert all(one.remedy for one in errors), "an error comes with its remedy"
    assert bench.received == [], "check_connection sends emails"


_CAPABILITIES = {
    Capability.TEXT: _text,
    Capability.HTML: _html,
    Capability.ALTERNATIVE: _alternative,
    Capability.REPLY_TO: _reply_to,
    Capability.HEADERS: _headers,
    Capability.SENDER: _sender,
    Capability.MESSAGE_ID: _message_id,
    Capability.SMTPUTF8: _smtputf8,
    Capability.PROVIDER_TEMPLATES: _provider_templates,
    Capability.CHECK_CONNECTION: _check_connection,
}


def _configured(bench: Bench) -> passpost.Connector:
    return bench.host().configure(bench.info.id, bench.settings)


def _findings(bench: Bench, settings: Any) -> list[passpost.Finding]:
    config = bench.config(settings)

    async def look() -> list[passpost.Finding]:
        async with bench.opened(config) as session:
            asked = bench.hooks.check_connection(config, session)
            return list(await bench.in_time(asked, "check_connection"))

    return list(bench.run(look))


def template_for(bench: Bench, **parts: Any) -> passpost.Template:
    """Make a template of a kind that the connector can send, with other parts where given."""
    kind: dict[str, Any] = {"content": "Your code is {{code}}", "content_type": "text/plain"}
    if not bench.can(Capability.TEXT):
        kind = {"content": "<p>Your code is {{code}}</p>", "content_type": "text/html"}
    return passpost.Template(
        **{"usage_type": "Generic", "subject": "Hello {{name}}", **kind, **parts}
    )


def _html_template(text: str | None = None) -> passpost.Template:
    return passpost.Template(
        usage_type="Generic",
        subject="Code",
        content="<p>x</p>",
        content_type="text/html",
        text=text,
    )


def message_for(name: str = NAME, **parts: Any) -> passpost.Message:
    """Make the message of an application, with other parts where they are given."""
    payload = {"code": CODE, "name": name}
    return passpost.Message(
        **{"to": "ada@example.com", "usage": "SignIn", "payload": payload, **parts}
    )


def _refused(bench: Bench, template: passpost.Template, **parts: Any) -> None:
    """Look that passpost rejects what the connector does not claim to do."""
    if bench.can(Capability.PROVIDER_TEMPLATES) and not parts:
        return  # without content there is nothing to reject
    connector = _configured(bench)
    with (
        passpost.Mailer(connector, templates=[template], policy=ONE_ATTEMPT) as mailer,
        pytest.raises(SendError, match="cannot"),
    ):
        mailer.send(message_for(**parts))
    assert bench.proxy.octets == 0


def _arrived(bench: Bench, mail: Mail) -> Any:
    """Send an email, and return what arrived: exactly one."""
    result = bench.send(mail)
    assert isinstance(result, Receipt), bench.refused(result)
    assert len(bench.received) == 1, "one email became several, or none"
    return bench.received[0]


def _personal(bench: Bench, person: str) -> Mail:
    """Make an email whose content names its recipient."""
    name = person.partition("@")[0]
    parts: dict[str, Any] = {
        "to": Address(person),
        "payload": frozen_payload({"code": name, "name": name}),
    }
    kind = "text" if bench.can(Capability.TEXT) else "html"
    return bench.mail(**parts, **_if_content(bench, **{kind: f"For {name}\n"}))


def _if_content(bench: Bench, **content: str) -> dict[str, Any]:
    return {} if bench.can(Capability.PROVIDER_TEMPLATES) else content


def _sender_of(bench: Bench) -> str:
    _arrived(bench, bench.mail())
    return str(bench.received[0].sender)


def _body(text: str | None) -> str:
    """Return a body as it compares: some providers add an end of line, or take the last one off."""
    return (text or "").replace("\r\n", "\n").rstrip("\n")
