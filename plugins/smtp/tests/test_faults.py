"""Every fault in every phase: what is said of it, and whether that is true."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest

from passpost.errors import SendError
from passpost.messages import Receipt
from passpost.testing import Fault, SmtpServer, accept_then, refusing_port, reply, silent_port
from passpost.testing.actions import Action, Name
from passpost.testing.channel import Channel
from passpost.testing.faults import WITHOUT_REPLY, Phase
from passpost.testing.smtp_rules import EXTENSIONS
from passpost_smtp.session import SmtpSession

ALL: Final = EXTENSIONS
FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "chunked": ALL,
    "pipelined": tuple(name for name in ALL if name != "CHUNKING"),
    "plain": tuple(name for name in ALL if name not in {"CHUNKING", "PIPELINING"}),
}
PASSWORD = "correct horse"
PATIENCE = 400
# Per form; a thousand in all where somebody has the minutes for it.
SCRIPTS = int(os.environ.get("PASSPOST_FAULT_SCRIPTS", "20"))

Said = tuple[str, str, bool]
Row = tuple[Phase, Action | Name, Said, Said]
"""Outcome, scope, temporary."""

LOST: Final[Said] = ("rejected", "network", True)
UNSURE: Final[Said] = ("unknown", "network", True)
NONSENSE: Final[Said] = ("rejected", "provider", False)
UNSURE_NONSENSE: Final[Said] = ("unknown", "provider", False)
BUSY: Final[Said] = ("rejected", "provider", True)

# While a connection is opened, nothing can have been sent. What depends on the server's patience is
# temporary, what it refuses for good is not.
OPENING: Final[list[tuple[Phase, Action | Name, Said]]] = [
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
    """What is the same in all forms: the server has refused."""
    return ("rejected", scope, temporary), ("rejected", scope, temporary)


# The message is out before the first reply in the chunked form, so that only a refusal or a close
# in order before the recipient was agreed to is as good as a proof.
MAIL: Final[list[Row]] = [
    # phase, action, chunked, pipelined and plain
    ("mail", "close", LOST, LOST),
    ("mail", "reset", UNSURE, LOST),
    ("mail", "silence", UNSURE, LOST),
    ("mail", "drip", UNSURE, LOST),
    ("mail", "garbage", UNSURE_NONSENSE, NONSENSE),
    ("mail", "long-line", UNSURE_NONSENSE, NONSENSE),
    ("mail", "endless", UNSURE_NONSENSE, NONSENSE),
    ("mail", reply("421 4.3.2 busy"), BUSY, BUSY),
    ("mail", reply("451 4.1.8 who?"), *twice("account", temporary=True)),
    ("mail", reply("550 5.7.1 no"), *twice("account")),
    ("rcpt", "close", LOST, LOST),
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
    phase: Phase, action: Action | Name, expected: Said, kit: Any
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
    [(row, form) for row in MAIL for form in FORMS if (row[0], form) != ("data", "chunked")],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}-{named(value[1])}",
)
async def test_a_fault_while_a_mail_is_sent(row: Row, form: str, kit: Any) -> None:
    phase, action, chunked, otherwise = row
    faults = [Fault(phase, action, times=None, octets=100)]
    with SmtpServer(extensions=FORMS[form], faults=faults) as server:
        error = await kit.refusal(kit.config(server, socketTimeout=PATIENCE))
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
        assert isinstance(await kit.send(kit.config(server)), Receipt)
        assert len(server.mails) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("action", ["close", "reset", reply("421 4.4.2 idle")], ids=named)
async def test_a_connection_that_ended_between_mails_costs_none(
    action: Action | Name, form: str, kit: Any
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
    assert "connecting failed: no answer came in time" in str(error)


@pytest.mark.anyio
async def test_a_host_that_does_not_exist(kit: Any) -> None:
    error = await kit.refusal(kit.config(25, host="mail.invalid"))
    assert (error.outcome, error.scope) == ("rejected", "network")
    assert "looking up" in str(error)


ANY: Final[list[Action | Name]] = [
    "close", "reset", "garbage", "split", "long-line", reply("421 4.3.2 busy"),
    reply("451 4.3.0 later"), reply("550 5.7.1 never"),
]  # fmt: skip
TAKEN: Final[list[Action | Name]] = [
    accept_then("close"), accept_then("reset"), accept_then("garbage"),
]  # fmt: skip
PHASES: Final[list[Phase]] = [
    "connect", "greeting", "ehlo", "mail", "rcpt", "data", "bdat", "body", "final", "idle", "rset",
]  # fmt: skip


def script(chance: random.Random) -> list[Fault]:
    """Make some faults that strike now and then."""
    faults = []
    for _ in range(chance.randint(1, 6)):
        phase = chance.choice(PHASES)
        actions = [*ANY, *(TAKEN if phase in {"final", "bdat"} else [])]
        if phase in WITHOUT_REPLY:
            actions = ["close", "reset"]
        faults.append(
            Fault(
                phase,
                chance.choice(actions),
                after=chance.randint(0, 30),
                times=chance.randint(1, 8),
                octets=chance.randint(0, 400),
                optional=True,
            )
        )
    return faults


async def many(kit: Any, session: SmtpSession, count: int) -> dict[str, set[str]]:
    """Send mails all at a time; gives their Message-IDs by what was said of them."""
    results: dict[str, set[str]] = {"accepted": set(), "rejected": set(), "unknown": set()}

    async def one(number: int) -> None:
        message_id = f"<{number}.{id(results)}@example.com>"
        outcome = await kit.outcome(session, kit.mail(message_id=message_id))
        said = outcome.outcome if isinstance(outcome, SendError) else "accepted"
        results[said].add(message_id)

    await asyncio.gather(*(one(number) for number in range(count)))
    return results


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_random_scripts_over_fifty_sends_at_a_time_tell_the_truth(
    form: str, kit: Any
) -> None:
    chance = random.Random(form)  # noqa: S311 - no secret hangs on it
    with SmtpServer(extensions=FORMS[form]) as server:
        for _ in range(SCRIPTS):
            server.script(*script(chance))
            before = len(server.mails)
            async with kit.session(kit.config(server)) as session:
                results = await many(kit, session, 50)
            taken = [str(mail.message["Message-ID"]) for mail in server.mails[before:]]
            assert len(taken) == len(set(taken)), "a mail was sent twice"
            assert results["accepted"] <= set(taken), "an accepted mail was lost"
            assert not results["rejected"] & set(taken), "a rejected mail had been accepted"
            assert sum(map(len, results.values())) == 50
        assert server.violations == []


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
        assert said(await kit.refusal(kit.config(server))) == BUSY
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
        ("chunked", "final", UNSURE, "take the message"),
        ("pipelined", "mail", LOST, "naming the sender"),
        ("plain", "data", LOST, "asking to send"),
        ("plain", "final", UNSURE, "take the message"),
    ],
)
async def test_the_deadline_of_the_mail_ends_every_wait(
    form: str, phase: Phase, expected: Said, words: str, kit: Any
) -> None:
    faults = [Fault(phase, "silence", times=None)]
    with SmtpServer(extensions=FORMS[form], faults=faults) as server:
        async with asyncio.timeout(10):
            error = await kit.refusal(kit.config(server), kit.mail(seconds=0.3))
        assert said(error) == expected
        assert words in str(error)
