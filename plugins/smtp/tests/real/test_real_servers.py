"""Postfix, Exim and OpenSMTPD take our emails, and what they deliver is what was asked for."""

from __future__ import annotations

import asyncio
import email
import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from passpost import Address, Receipt
from passpost.wire import refused_in_body, refused_in_line

# What may be in a subject or a name, spaces at the ends apart: no header keeps those.
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100).filter(
    lambda text: refused_in_line(text) is None and text == " ".join(text.split())
)
BODY = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200).filter(
        lambda text: refused_in_body(text) is None and not set(text) & set("\u2028\u2029\x85")
    ),
    max_size=8,
).map(lambda lines: "".join(f"{line}\n" for line in lines))

AWKWARD = (
    "From here\n.\n..\n.hidden\n\nFrom there\n" + "x" * 2000 + "\n" + "长" * 500 + "\nend \n\t\n"
)


def parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)


def content(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if not isinstance(part, EmailMessage):
        return None
    return str(part.get_content()).replace("\r\n", "\n")


def display_name(message: EmailMessage) -> str:
    """Read the sender's name; the new parser of Python 3.11 adds spaces between encoded words."""
    raw = email.message_from_bytes(message.as_bytes(), policy=email.policy.compat32)["From"]
    return str(make_header(decode_header(parseaddr(str(raw))[0])))


def config(kit: Any, server: Any, **more: Any) -> Any:
    return kit.config(server.port, **more)


async def deliver(kit: Any, server: Any, made: Any, *mails: Any) -> list[EmailMessage]:
    async with kit.session(made) as session:
        outcomes = await asyncio.gather(*(kit.outcome(session, mail) for mail in mails))
    assert [outcome for outcome in outcomes if not isinstance(outcome, Receipt)] == []
    return [parsed(data) for data in server.take(len(mails))]


@pytest.mark.anyio
async def test_a_mail_arrives_to_the_letter(real_server: Any, kit: Any) -> None:
    mail = kit.mail(
        subject="您的验证码 — Ваш код: “314159”",
        sender=Address("no-reply@example.com", 'Ада, "Lovelace" <x>'),
        reply_to=Address("help@example.com", "Hilfe für Sie"),
        text=AWKWARD,
        html="<p>Ihr Code: <b>314159</b></p>\n" + "<i>ä</i>" * 300 + "\n",
        headers={"X-Application": "accounts"},
    )
    (message,) = await deliver(kit, real_server, config(kit, real_server), mail)
    assert message["Subject"] == mail.subject
    assert display_name(message) == mail.sender.name
    assert message["From"].addresses[0].addr_spec == "no-reply@example.com"
    assert message["Reply-To"].addresses[0].display_name == "Hilfe für Sie"
    assert message["To"].addresses[0].addr_spec == "ada@example.org"
    assert message["Message-ID"] == mail.message_id
    assert message["X-Application"] == "accounts"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == mail.date.replace(microsecond=0)
    assert content(message, "plain") == AWKWARD
    assert content(message, "html") == mail.html
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.anyio
async def test_under_tls_signed_in_where_the_server_knows_how(tls_server: Any, kit: Any) -> None:
    login = {"auth": {"user": tls_server.user, "pass": tls_server.password}}
    more = login if tls_server.signs_in else {"secure": False}
    made = config(kit, tls_server, tls={"ca": tls_server.authority}, **more)
    (message,) = await deliver(kit, tls_server, made, kit.mail(subject="under TLS"))
    assert message["Subject"] == "under TLS"


@pytest.mark.anyio
async def test_a_wrong_password_is_refused(exim: Any, kit: Any) -> None:
    login = {"user": exim.user, "pass": "wrong"}
    error = await kit.refusal(config(kit, exim, tls={"ca": exim.authority}, auth=login))
    assert (error.outcome, error.scope, error.temporary) == ("rejected", "account", False)
    assert error.provider_code.startswith("535")


@pytest.mark.anyio
async def test_an_address_beyond_ascii(real_server: Any, kit: Any) -> None:
    made = config(kit, real_server)
    mail = kit.mail(to=Address("用户@例子.测试"), subject="SMTPUTF8")
    async with kit.session(made) as session:
        outcome = await kit.outcome(session, mail)
    if isinstance(outcome, Receipt):
        (data,) = real_server.take(1)
        # The header is UTF-8 (RFC 6532), which the parser keeps as bytes in disguise.
        address = parsed(data)["To"].addresses[0].addr_spec.encode("utf-8", "surrogateescape")
        assert address.decode() == "用户@xn--fsqu00a.xn--0zwm56d"
    else:
        assert (outcome.outcome, outcome.scope) == ("rejected", "recipient")


@pytest.mark.anyio
async def test_load_leaves_no_warning_in_the_log(real_server: Any, kit: Any) -> None:
    count = 200
    mails = [
        kit.mail(subject=f"mail {number}", message_id=f"<{number}.load@example.com>")
        for number in range(count)
    ]
    found = await deliver(kit, real_server, config(kit, real_server), *mails)
    assert {message["Subject"] for message in found} == {f"mail {n}" for n in range(count)}
    complaints = [
        line
        for line in real_server.log().splitlines()
        if any(word in line.lower() for word in real_server.complaints)
        and not any(word in line for word in real_server.of_the_machine)
    ]
    assert complaints == []


@pytest.mark.anyio
@pytest.mark.parametrize("port", ["port", "pipelining_port", "plain_port"])
async def test_postfix_in_every_form(port: str, postfix: Any, kit: Any) -> None:
    made = kit.config(getattr(postfix, port))
    mails = [kit.mail(subject=f"{port} {number}", text=AWKWARD) for number in range(5)]
    found = await deliver(kit, postfix, made, *mails)
    assert sorted(str(message["Subject"]) for message in found) == [f"{port} {n}" for n in range(5)]
    assert {content(message, "plain") for message in found} == {AWKWARD}


@pytest.mark.anyio
async def test_postfix_refuses_a_recipient_and_goes_on(postfix: Any, kit: Any) -> None:
    async with kit.session(kit.config(postfix.port)) as session:
        error = await kit.outcome(session, kit.mail(to=Address("nobody@refused.test")))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "recipient", False)
        assert error.provider_code == "550 5.1.1"
        assert isinstance(await kit.outcome(session, kit.mail(subject="after it")), Receipt)
    (message,) = [parsed(data) for data in postfix.take(1)]
    assert message["Subject"] == "after it"


def test_any_text_arrives_to_the_letter(tls_server: Any, kit: Any) -> None:
    @settings(
        max_examples=25,
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(subject=LINE, name=LINE, text=BODY)
    def arrives(subject: str, name: str, text: str) -> None:
        mail = kit.mail(subject=subject, sender=Address("a@example.com", name), text=text)
        (message,) = asyncio.run(deliver(kit, tls_server, config(kit, tls_server), mail))
        assert str(message["Subject"]) == subject
        assert display_name(message) == name
        assert (content(message, "plain") or "").rstrip("\n") == text.rstrip("\n")

    arrives()


@pytest.mark.anyio
async def test_a_connection_that_has_carried_enough_for_opensmtpd(opensmtpd: Any, kit: Any) -> None:
    # It takes 100 emails on one connection, and rejects the next without closing.
    mails = [kit.mail(subject=f"enough {number}") for number in range(110)]
    made = config(kit, opensmtpd, pool={"maxConnections": 1})
    found = await deliver(kit, opensmtpd, made, *mails)
    assert {message["Subject"] for message in found} == {f"enough {n}" for n in range(110)}
