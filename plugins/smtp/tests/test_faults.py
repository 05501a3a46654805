"""Every fault in every phase: what is said of it, and whether that is true."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest

from passpost import Receipt, SendError
from pytest_passpost import (
    EXTENSIONS,
    Action,
    ActionName,
    Channel,
    Fault,
    Phase,
    SmtpServer,
    accept_then,
    refusing_port,
    reply,
    silent_port,
)

ALL: Final = EXTENSIONS
FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "chunked": ALL,
    "proving": ALL,
    "pipelined": tuple(name for name in ALL if name != "CHUNKING"),
    "plain": tuple(name for name in ALL if name not in {"CHUNKING", "PIPELINING"}),
}
NOT_CHUNKED: Final = ("pipelined", "plain")
PASSWORD = "correct horse"
PATIENCE = 400

Said = tuple[str, str, bool]
Row = tuple[Phase, Action | ActionName, Said, Said]
"""Outcome, scope, temporary."""

LOST: Final[Said] = ("rejected", "network", True)
UNSURE: Final[Said] = ("unknown", "network", True)
NONSENSE: Final[Said] = ("rejected", "provider", False)
UNSURE_NONSENSE: Final[Said] = ("unknown", "provider", False)
BUSY: Final[Said] = ("rejected", "provider", True)

# While a connection is opened, nothing can have been sent. What depends on the server's patience is
# temporary, what it rejects for good is not.
OPENING: Final[list[tuple[Phase, Action | ActionName, Said]]] = [
    ("connect", "close", LOST),
    ("connect", "reset", LOST),
    ("connect", "silence", LOST),
    ("greeting", "close", LOST),
    ("greeting", "reset", LOST),
    ("greeting", "silence", LOST),
    ("greeting", "drip", LOST),
    ("greeting", "garbage", NONSENSE),
    ("greeting", "long-line", NONSENSE),
    ("greeting", "endless", NONSENSE),
    ("greeting", reply("354 go ahead"), NONSENSE),
    ("greeting", reply("421 4.3.2 busy"), BUSY),
    ("greeting", reply("451 4.3.0 later"), BUSY),
    ("greeting", reply("554 5.7.1 no service for you"), ("rejected", "provider", False)),
    ("ehlo", "close", LOST),
    ("ehlo", "reset", LOST),
    ("ehlo", "silence", LOST),
    ("ehlo", "drip", LOST),
    ("ehlo", "garbage", NONSENSE),
    ("ehlo", "long-line", NONSENSE),
    ("ehlo", "endless", NONSENSE),
    ("ehlo", reply("421 4.3.2 busy"), BUSY),
    ("ehlo", reply("451 4.3.0 later"), BUSY),
    ("ehlo", reply("550 5.7.1 go away"), ("rejected", "provider", False)),
    ("ehlo", reply("501 5.5.4 bad name"), ("rejected", "account", False)),
    ("starttls", "close", LOST),
    ("starttls", "reset", LOST),
    ("starttls", "silence", LOST),
    ("starttls", "drip", LOST),
    ("starttls", "garbage", NONSENSE),
    ("starttls", "long-line", NONSENSE),
    ("starttls", reply("421 4.3.2 busy"), BUSY),
    ("starttls", reply("454 4.7.0 TLS not available"), BUSY),
    ("starttls", reply("502 5.5.1 what?"), ("rejected", "provider", False)),
    ("tls", "close", LOST),
    ("tls", "reset", LOST),
    ("tls", "silence", LOST),
    ("tls", "garbage", NONSENSE),
    ("auth", "close", LOST),
    ("auth", "reset", LOST),
    ("auth", "silence", LOST),
    ("auth", "drip", LOST),
    ("auth", "garbage", NONSENSE),
    ("auth", "long-line", NONSENSE),
    ("auth", reply("250 whatever"), NONSENSE),
    ("auth", reply("421 4.3.2 busy"), BUSY),
    ("auth", reply("454 4.7.0 cannot check"), BUSY),
    ("auth", reply("535 5.7.8 wrong"), ("rejected", "account", False)),
    ("auth", reply("534 5.7.9 app password"), ("rejected", "account", False)),
    ("auth", reply("530 5.7.0 sign in"), ("rejected", "account", False)),
]


def twice(scope: str, *, temporary: bool = False) -> tuple[Said, Said]:
    """What is the same in all forms: the server has rejected."""
    return ("rejected", scope, temporary), ("rejected", scope, temporary)


# The message is out before the first reply in the chunked form, so that only a rejection proves
# anything: a server may accept the message, and die before it has said a word.
MAIL: Final[list[Row]] = [
    # phase, action, chunked, all other forms
    ("mail", "close", UNSURE, LOST),
    ("mail", "reset", UNSURE, LOST),
    ("mail", "silence", UNSURE, LOST),
    ("mail", "drip", UNSURE, LOST),
    ("mail", "garbage", UNSURE_NONSENSE, NONSENSE),
    ("mail", "long-line", UNSURE_NONSENSE, NONSENSE),
    ("mail", "endless", UNSURE_NONSENSE, NONSENSE),
    ("mail", reply("421 4.3.2 busy"), BUSY, BUSY),
    ("mail", reply("451 4.1.8 who?"), *twice("account", temporary=True)),
    ("mail", reply("550 5.7.1 no"), *twice("account")),
    ("rcpt", "close", UNSURE, LOST),
    ("rcpt", "reset", UNSURE, LOST),
    ("rcpt", "silence", UNSURE, LOST),
    ("rcpt", "drip", UNSURE, LOST),
    ("rcpt", "garbage", UNSURE_NONSENSE, NONSENSE),
    ("rcpt", "long-line", UNSURE_NONSENSE, NONSENSE),
    ("rcpt", "endless", UNSURE_NONSENSE, NONSENSE),
    ("rcpt", reply("421 4.3.2 busy"), BUSY, BUSY),
    ("rcpt", reply("450 4.7.1 grey"), *twice("recipient", temporary=True)),
    ("rcpt", reply("550 5.1.1 who?"), *twice("recipient")),
    ("data", "close", LOST, LOST),
    ("data", "reset", LOST, LOST),
    ("data", "silence", LOST, LOST),
    ("data", "drip", LOST, LOST),
    ("data", "garbage", NONSENSE, NONSENSE),
    ("data", "long-line", NONSENSE, NONSENSE),
    ("data", reply("421 4.3.2 busy"), BUSY, BUSY),
    ("data", reply("451 4.3.0 later"), BUSY, BUSY),
    ("data", reply("554 5.7.1 no"), *twice("message")),
    ("body", "close", UNSURE, UNSURE),
    ("body", "reset", UNSURE, UNSURE),
    ("body", "silence", UNSURE, UNSURE),
    ("final", "close", UNSURE, UNSURE),
    ("final", "reset", UNSURE, UNSURE),
    ("final", "silence", UNSURE, UNSURE),
    ("final", "drip", UNSURE, UNSURE),
    ("final", "garbage", UNSURE_NONSENSE, UNSURE_NONSENSE),
    ("final", "long-line", UNSURE_NONSENSE, UNSURE_NONSENSE),
    ("final", "endless", UNSURE_NONSENSE, UNSURE_NONSENSE),
    ("final", reply("354 what?"), UNSURE_NONSENSE, UNSURE_NONSENSE),
    ("final", reply("421 4.3.2 busy"), BUSY, BUSY),
    ("final", reply("451 4.3.0 later"), BUSY, BUSY),
    ("final", reply("452 4.2.2 full"), *twice("recipient", temporary=True)),
    ("final", reply("554 5.7.1 spam"), *twice("message")),
    ("final", accept_then("close"), UNSURE, UNSURE),
    ("final", accept_then("reset"), UNSURE, UNSURE),
    ("final", accept_then("silence"), UNSURE, UNSURE),
    ("final", accept_then("garbage"), UNSURE_NONSENSE, UNSURE_NONSENSE),
]  # fmt: skip


def named(value: object) -> str | None:
    text = getattr(value, "text", value)
    return text[:12] if isinstance(text, str) else type(value).__name__


def said(error: SendError) -> Said:
    return error.outcome, error.scope, error.temporary


@pytest.mark.anyio
@pytest.mark.parametrize(("phase", "action", "expected"), OPENING, ids=named)
async def test_a_fault_while_a_connection_is_opened(
    phase: Phase, action: Action | ActionName, expected: Said, kit: Any
) -> None:
    faults = [Fault(phase, action, times=None)]
    with SmtpServer(tls="starttls", auth={"ada": PASSWORD}, faults=faults) as server:
        login = {"user": "ada", "pass": PASSWORD}
        error = await kit.refusal(kit.config(server, auth=login, socketTimeout=PATIENCE))
        assert said(error) == expected
        assert server.mails == []
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("row", "form"),
    # BDAT takes the place of DATA.
    [(row, form) for row in MAIL for form in FORMS if row[0] != "data" or form in NOT_CHUNKED],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}-{named(value[1])}",
)
async def test_a_fault_while_a_mail_is_sent(row: Row, form: str, kit: Any) -> None:
    phase, action, chunked, otherwise = row
    faults = [Fault(phase, action, times=None, octets=100)]
    with SmtpServer(extensions=FORMS[form], faults=faults) as server:
        config = kit.config(server, socketTimeout=PATIENCE)
        error = await kit.refusal(config, proven=form == "chunked")
        assert said(error) == (chunked if form == "chunked" else otherwise)
        assert error.outcome == "unknown" or server.mails == []
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "data", "final"])
async def test_a_reply_that_comes_octet_by_octet_is_a_reply(
    phase: Phase, form: str, kit: Any
) -> None:
    with SmtpServer(extensions=FORMS[form], faults=[Fault(phase, "split", times=None)]) as server:
        outcome = await kit.send(kit.config(server), proven=form == "chunked")
        assert isinstance(outcome, Receipt)
        assert len(server.mails) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("action", ["close", "reset", reply("421 4.4.2 idle")], ids=named)
async def test_a_connection_that_ended_between_mails_costs_none(
    action: Action | ActionName, form: str, kit: Any
) -> None:
    with SmtpServer(extensions=FORMS[form], faults=[Fault("idle", action, times=None)]) as server:
        async with kit.session(kit.config(server)) as session:
            for count in range(1, 4):
                await session.send(kit.mail())
                server.wait_ended(count)
        assert len(server.mails) == 3


@pytest.mark.anyio
async def test_a_port_where_nobody_listens(kit: Any) -> None:
    with refusing_port() as port:
        error = await kit.refusal(kit.config(port))
    assert said(error) == LOST
    assert "Connection refused" in str(error)
    assert "firewall" in (error.hint or "")


@pytest.mark.anyio
async def test_a_port_behind_a_firewall(kit: Any) -> None:
    with silent_port() as port:
        error = await kit.refusal(kit.config(port, connectionTimeout=200))
    assert said(error) == LOST
    assert "connecting failed: no reply in time" in str(error)


@pytest.mark.anyio
async def test_a_host_that_does_not_exist(kit: Any) -> None:
    error = await kit.refusal(kit.config(25, host="mail.invalid"))
    assert (error.outcome, error.scope) == ("rejected", "network")
    assert "resolving" in str(error)


@attrs.frozen
class SayAndStay(Action):
    """Reply, and then neither close nor say any more."""

    text: bytes

    async def run(self, channel: Channel, honest: bytes) -> bool:
        await channel.send(self.text)
        await channel.drain()
        return False


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "final"])
async def test_a_goodbye_is_a_goodbye_even_if_the_server_stays(
    phase: Phase, form: str, kit: Any
) -> None:
    faults = [Fault(phase, SayAndStay(b"421 4.3.2 shutting down\r\n"), times=None)]
    with SmtpServer(extensions=FORMS[form], faults=faults) as server:
        error = await kit.refusal(kit.config(server), proven=form == "chunked")
        assert said(error) == BUSY
        # The server gave its reason: no other form is tried.
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_a_reply_too_many_before_the_message_keeps_it_here(kit: Any) -> None:
    faults = [Fault("data", reply("354 go ahead\n552 5.3.4 or rather not"), times=None)]
    with SmtpServer(extensions=FORMS["pipelined"], faults=faults) as server:
        assert said(await kit.refusal(kit.config(server))) == NONSENSE
        assert server.mails == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("form", "phase", "expected", "words"),
    [
        ("chunked", "mail", UNSURE, "accept the message"),
        ("chunked", "final", UNSURE, "accept the message"),
        ("proving", "mail", LOST, "naming the sender"),
        ("proving", "final", UNSURE, "accept the message"),
        ("pipelined", "mail", LOST, "naming the sender"),
        ("plain", "data", LOST, "asking to send"),
        ("plain", "final", UNSURE, "accept the message"),
    ],
)
async def test_the_deadline_of_the_mail_ends_every_wait(
    form: str, phase: Phase, expected: Said, words: str, kit: Any
) -> None:
    faults = [Fault(phase, "silence", times=None)]
    with SmtpServer(extensions=FORMS[form], faults=faults) as server:
        async with asyncio.timeout(10):
            error = await kit.refusal(
                kit.config(server), kit.mail(seconds=0.3), proven=form == "chunked"
            )
        assert said(error) == expected
        assert words in str(error)
