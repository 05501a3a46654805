"""What servers say, what it means, and what to do about it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost import Receipt
from passpost.config import parse
from passpost_smtp.config import SmtpConfig
from passpost_smtp.errors import SmtpError, broken, refused
from passpost_smtp.fault import Fault as Broken
from passpost_smtp.fault import Phase
from passpost_smtp.reply import Reply
from pytest_passpost import Fault, SmtpServer, reply

PHASES: list[Phase] = ["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "final"]


def config(**settings: Any) -> SmtpConfig:
    basic = {
        "host": "smtp.example.com",
        "fromEmail": "no-reply@example.com",
        "templates": [{"usageType": "Generic", "subject": "s", "content": "c"}],
    }
    return parse(SmtpConfig, {**basic, **settings})


def judged(phase: Phase, text: str, **settings: Any) -> SmtpError:
    code, _, words = text.partition(" ")
    return refused(phase, Reply(int(code), (words.encode(),)), config(**settings))


@pytest.mark.parametrize(
    ("phase", "text", "scope", "temporary"),
    [
        ("mail", "550 5.7.1 Sender not allowed", "account", False),
        ("mail", "553 5.7.1 Sender address rejected: not owned by user", "account", False),
        ("mail", "451 4.3.0 Try again", "provider", True),
        ("mail", "452 4.3.1 Insufficient system storage", "provider", True),
        ("mail", "452 4.1.8 Sender's domain does not resolve", "account", True),
        ("mail", "450 4.7.1 Too many messages, slow down", "provider", True),
        ("mail", "552 5.3.4 Message size exceeds fixed limit", "message", False),
        ("mail", "530 5.7.0 Must issue a STARTTLS command first", "account", False),
        ("mail", "530 5.7.57 Client was not authenticated", "account", False),
        ("mail", "550 5.4.5 Daily user sending limit exceeded", "account", False),
        ("mail", "555 5.5.4 Unsupported option", "account", False),
        ("mail", "599 no idea", "account", False),
        ("mail", "499 no idea", "account", True),
        ("rcpt", "550 5.1.1 User unknown", "recipient", False),
        ("rcpt", "550 No such user here", "recipient", False),
        ("rcpt", "550 5.7.1 Unable to relay", "account", False),
        ("rcpt", "554 5.7.1 <a@b.c>: Relay access denied", "account", False),
        ("rcpt", "550 5.7.1 Sending to this domain is not permitted", "account", False),
        ("rcpt", "550 relay not permitted", "account", False),
        ("rcpt", "554 5.7.1 Blocked", "recipient", False),
        ("rcpt", "450 4.7.1 Greylisted, see http://postgrey", "recipient", True),
        ("rcpt", "451 4.7.1 Please try again later", "recipient", True),
        ("rcpt", "452 4.5.3 Too many recipients", "recipient", True),
        ("rcpt", "552 Too many recipients", "recipient", True),
        ("rcpt", "552 5.2.2 Mailbox full", "recipient", True),
        ("rcpt", "450 4.2.1 Mailbox busy", "recipient", True),
        ("rcpt", "451 4.3.5 Server configuration problem", "provider", True),
        ("rcpt", "450 4.4.3 Name service error", "provider", True),
        ("rcpt", "503 5.5.1 Bad sequence of commands", "provider", False),
        ("rcpt", "421 4.7.0 Try again later", "provider", True),
        ("data", "451 4.3.0 Queue file write error", "provider", True),
        ("data", "554 5.5.1 No valid recipients", "message", False),
        ("final", "550 5.7.1 Message rejected as spam", "message", False),
        ("final", "554 5.7.1 Content not accepted", "message", False),
        ("final", "552 5.2.3 Message exceeds maximum size", "message", False),
        ("final", "552 Message too large", "message", False),
        ("final", "550 5.1.1 User unknown", "recipient", False),
        ("final", "452 4.2.2 Over quota", "recipient", True),
        ("final", "451 4.7.1 Greylisted", "message", True),
        ("final", "550 5.7.26 Unauthenticated email is not accepted", "account", False),
        ("final", "421 4.3.2 Shutting down", "provider", True),
        ("final", "450 4.7.1 Rate limit exceeded", "provider", True),
        ("final", "526 Authentication failure", "message", False),
        ("auth", "535 5.7.8 Username and Password not accepted", "account", False),
        ("auth", "534 5.7.9 Application-specific password required", "account", False),
        ("auth", "535 authentication failed", "account", False),
        ("auth", "530 5.7.0 Authentication required", "account", False),
        ("auth", "538 5.7.11 Encryption required", "account", False),
        ("auth", "501 5.5.2 Cannot decode", "account", False),
        ("auth", "504 5.5.4 Unrecognized authentication type", "account", False),
        ("auth", "454 4.7.0 Temporary authentication failure", "provider", True),
        ("auth", "432 4.7.12 A password transition is needed", "account", True),
        ("greeting", "554 5.7.1 Your address is blocked", "provider", False),
        ("greeting", "450 busy", "provider", True),
        ("ehlo", "501 5.5.4 Invalid EHLO name", "account", False),
        ("ehlo", "550 Administrative prohibition", "provider", False),
        ("starttls", "454 4.7.0 TLS not available", "provider", True),
    ],
)
def test_a_refusal_is_somebodys_matter(
    phase: Phase, text: str, scope: str, temporary: bool
) -> None:
    error = judged(phase, text)
    assert (error.scope, error.temporary) == (scope, temporary)
    assert error.outcome == "rejected"
    assert (error.provider_code or "").startswith(text[:3])


@pytest.mark.parametrize(
    ("phase", "text", "settings", "words"),
    [
        ("auth", "535 5.7.8 BadCredentials", {"host": "smtp.gmail.com"}, "apppasswords"),
        ("auth", "534 5.7.9 app password", {"host": "smtp.gmail.com"}, "apppasswords"),
        ("auth", "535 nope", {"host": "smtpdm.aliyun.com"}, "requires the sender address"),
        ("auth", "535 nope", {"host": "smtp.sendgrid.net"}, "apikey"),
        ("auth", "535 nope", {"host": "smtp.qq.com"}, "QQ Mail requires an authorization code"),
        ("auth", "535 nope", {"host": "smtp.126.com"}, "NetEase Mail requires an authorization"),
        ("auth", "535 nope", {"host": "smtp.exmail.qq.com"}, "Tencent Exmail requires the full"),
        ("auth", "535 nope", {}, "not allowed to use SMTP"),
        ("auth", "454 4.7.0 later", {}, "Try again later"),
        ("auth", "538 5.7.11 no", {}, "ignoreTLS"),
        ("mail", "530 5.7.0 auth required", {}, "auth.user"),
        ("ehlo", "501 5.5.4 bad name", {}, "Set name"),
        ("starttls", "454 later", {}, "465"),
        ("rcpt", "450 4.7.1 Greylisted", {}, "a few minutes"),
        ("rcpt", "450 Graylisted", {}, "a few minutes"),
        ("rcpt", "554 5.7.1 Relay access denied", {}, "auth.user"),
        (
            "rcpt",
            "554 5.7.1 Relay access denied",
            {"username": "a", "password": "p"},
            "this account",
        ),
        ("mail", "550 sender not allowed", {}, "fromEmail"),
        ("mail", "550 not allowed", {"host": "smtpdm.aliyun.com"}, "requires the sender address"),
        ("mail", "552 5.3.4 too big", {}, "larger"),
        ("greeting", "421 4.7.0 too many connections", {}, "maxConnections"),
        ("final", "552 too big", {}, "larger"),
    ],
)
def test_a_refusal_that_is_known_has_its_cure(
    phase: Phase, text: str, settings: dict[str, Any], words: str
) -> None:
    assert words in (judged(phase, text, **settings).hint or "")


@pytest.mark.parametrize(
    ("phase", "fault", "settings", "words"),
    [
        ("greeting", Broken("timeout"), {"port": 465, "secure": False}, "secure to true"),
        ("greeting", Broken("closed"), {"port": 465, "secure": False}, "secure to true"),
        ("greeting", Broken("timeout"), {"port": 2465}, "from the first byte, set secure to true"),
        ("greeting", Broken("closed"), {"port": 587}, "set secure to true"),
        ("greeting", Broken("garbage"), {"port": 587}, "does not speak SMTP"),
        ("tls", Broken("tls", "WRONG_VERSION_NUMBER"), {"secure": True, "port": 587}, "false"),
        ("tls", Broken("timeout"), {"secure": True, "port": 587}, "secure to false"),
        ("tls", Broken("tls", "certificate has expired", 10), {}, "Renew"),
        ("tls", Broken("tls", "self-signed certificate", 18), {}, "tls.ca"),
        ("tls", Broken("tls", "self-signed certificate in chain", 19), {}, "tls.ca"),
        ("tls", Broken("tls", "unable to get local issuer", 20), {}, "tls.ca"),
        ("tls", Broken("tls", "Hostname mismatch", 62), {}, "servername"),
        ("tls", Broken("tls", "IP address mismatch", 64), {}, "servername"),
        ("tls", Broken("tls", "some new reason", 99), {}, "could not be verified"),
        ("tls", Broken("tls", "UNSUPPORTED_PROTOCOL"), {}, "minVersion"),
        ("starttls", Broken("order"), {}, "injects"),
        ("connect", Broken("unreachable"), {}, "firewall"),
        ("resolve", Broken("unreachable"), {}, "spelling"),
    ],
)
def test_a_fault_that_is_known_has_its_cure(
    phase: Phase, fault: Broken, settings: dict[str, Any], words: str
) -> None:
    assert words in (broken(phase, fault, config(**settings)).hint or "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("450 4.7.1 Greylisted for 300 seconds", 300.0),
        ("450 4.7.1 please try again in 5 minutes", 300.0),
        ("450 4.7.1 Greylisting in action, please come back in 00:04:59", None),
        ("451 4.7.1 retry in 60s", 60.0),
        ("451 4.7.1 try again later", None),
        ("450 4.2.0 retry timeout 99999999 s", None),
    ],
)
def test_the_servers_own_delay_is_heard(text: str, seconds: float | None) -> None:
    assert judged("rcpt", text).retry_after == seconds


@given(
    st.sampled_from(PHASES),
    st.integers(400, 599),
    st.lists(st.binary(max_size=80), min_size=1, max_size=3),
)
def test_any_refusal_can_be_judged(phase: Phase, code: int, lines: list[bytes]) -> None:
    error = refused(phase, Reply(code, tuple(lines)), config())
    assert error.outcome == "rejected"
    assert error.temporary is (code < 500 or (code == 552 and phase == "rcpt"))


def test_an_error_can_be_copied_for_each_who_waits() -> None:
    error = judged("rcpt", "450 4.7.1 Greylisted for 300 seconds")
    one, other = error, copy.copy(error)
    assert one is not other
    assert one.facts() == other.facts()
    assert one.retry_after == 300.0


@pytest.mark.anyio
async def test_greylisting_end_to_end(kit: Any) -> None:
    faults = [Fault("rcpt", reply("450 4.7.1 Greylisted for 300 seconds"))]
    with SmtpServer(faults=faults) as server:
        async with kit.session(kit.config(server)) as session:
            error = await kit.outcome(session, kit.mail())
            assert (error.scope, error.temporary, error.retry_after) == ("recipient", True, 300.0)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)


@pytest.mark.anyio
async def test_a_message_that_is_too_large_is_not_begun(kit: Any) -> None:
    with SmtpServer(extensions=["SIZE 1000", "PIPELINING", "CHUNKING"]) as server:
        async with kit.session(kit.config(server)) as session:
            error = await kit.outcome(session, kit.mail(text="x" * 70 + "\n" + "y" * 2000))
            assert (error.outcome, error.scope, error.temporary) == ("rejected", "message", False)
            assert "1000" in str(error)
            await session.send(kit.mail())
        assert server.connections[0].verbs == ["EHLO", "MAIL", "RCPT", "BDAT", "BDAT", "QUIT"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "queue_id"),
    [
        ("250 2.0.0 Ok: queued as 4XyZ1234", "4XyZ1234"),
        ("250 OK id=1tABCD-000000005Xy-2aBc", "1tABCD-000000005Xy-2aBc"),
        ("250 2.0.0 7b1c2d3e Message accepted for delivery", "7b1c2d3e"),
        ("250 Ok 010f0193aabbccdd-1234-000000", "010f0193aabbccdd-1234-000000"),
        ("250 Data Ok: queued as freedom ###envid=1234567", "freedom"),
        ("250 fine", None),
        ("250", None),
    ],
)
async def test_the_servers_own_id_of_a_mail_is_kept(
    text: str, queue_id: str | None, kit: Any
) -> None:
    with SmtpServer(faults=[Fault("final", reply(text))]) as server:
        receipt = await kit.send(kit.config(server))
        assert isinstance(receipt, Receipt)
        assert receipt.provider_id == queue_id
        assert (receipt.response or "").startswith("250")
