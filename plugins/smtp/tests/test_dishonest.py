"""Servers that take a message and die, that lie about what they offer, and whose replies shift."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest

from passpost import Receipt, SendError
from passpost_smtp.session import SmtpSession
from pytest_passpost import (
    EXTENSIONS,
    Action,
    Deaf,
    Fault,
    Group,
    Omit,
    Phase,
    Repeat,
    SmtpServer,
    Stray,
    TlsMode,
    Unread,
    accept_then,
    reply,
)

PLAIN_WORDS: Final = tuple(name for name in EXTENSIONS if name != "ENHANCEDSTATUSCODES")
OFFERS: Final = {
    "chunked": EXTENSIONS,
    "chunked, without enhanced codes": PLAIN_WORDS,
    "pipelined": tuple(name for name in EXTENSIONS if name != "CHUNKING"),
    "plain": ("8BITMIME",),
}
SMUGGLED: Final = "Ada\n{}\n{}\nDATA\nSubject: forged\n\nx\n.\n".format(
    "MAIL FROM:<eve@example.net>", "RCPT TO:<victim@example.org>"
)


def unexpected(server: SmtpServer) -> list[str]:
    """Return the commands that no client of ours has: lines of a message that were read as such."""
    lines = [line for connection in server.connections for line in connection.commands]
    return [line for line in lines if "(unknown)" in line or "eve@" in line or "victim@" in line]


@pytest.mark.anyio
@pytest.mark.parametrize("tls", [None, "starttls"])
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("silent_from", ["mail", "rcpt"])
async def test_a_server_that_takes_a_message_and_dies_leaves_the_outcome_unknown(
    silent_from: Phase, end: Any, tls: TlsMode | None, kit: Any
) -> None:
    # As servers do that hold replies back until they read again: none or one went out.
    faults = [Fault(silent_from, Group()), Fault("final", accept_then(end), times=None)]
    with SmtpServer(tls=tls) as server:
        config = kit.config(server, secure=False, ignoreTLS=not tls)
        async with kit.session(config) as session:
            await session.send(kit.mail())
            server.script(*faults)
            error = await kit.outcome(session, kit.mail(message_id="<once@example.com>"))
        assert error.outcome == "unknown"
        assert "twice" in (error.hint or "")
        assert [mail.message["Message-ID"] for mail in server.mails[1:]] == ["<once@example.com>"]


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["pipelined", "plain"])
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_the_same_in_the_other_forms(end: Any, form: str, kit: Any) -> None:
    faults = [Fault("final", accept_then(end), times=None)]
    with SmtpServer(extensions=OFFERS[form], faults=faults) as server:
        assert (await kit.refusal(kit.config(server))).outcome == "unknown"
        assert len(server.mails) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("refusal", [500, 502, 503])
async def test_a_server_that_does_not_know_bdat_reads_no_line_as_a_command(
    refusal: int, kit: Any
) -> None:
    lie = Fault("body", Unread(f"{refusal} 5.5.1 what?"), times=None)
    with SmtpServer(faults=[lie]) as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(3):
                # Not from a payload, in which it would be looked for.
                receipt = await session.send(kit.mail(text=SMUGGLED))
                assert isinstance(receipt, Receipt)
        assert [mail.recipients for mail in server.mails] == [("ada@example.org",)] * 3
        assert [mail.text for mail in server.mails] == [SMUGGLED] * 3
        assert unexpected(server) == []
        # It is asked once, and once is enough.
        verbs = [verb for connection in server.connections for verb in connection.verbs]
        assert verbs.count("BDAT") == 1


@pytest.mark.anyio
async def test_a_server_that_proves_bdat_once_serves_all_connections(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxMessages": 1})) as session:
            for _ in range(4):
                await session.send(kit.mail())
        mails = [connection.verbs[1:-1] for connection in server.connections]
        assert mails == [["MAIL", "RCPT", "BDAT", "BDAT"], *[["MAIL", "RCPT", "BDAT"]] * 3]


@pytest.mark.anyio
async def test_a_server_that_forgets_bdat_later_is_not_spoken_to_so_again(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            server.script(Fault("body", Unread(), times=None))
            outcome = await kit.outcome(session, kit.mail(text="Your code is 314159.\n"))
            await session.send(kit.mail())
        # What it made of the first message is its own matter; it made no email of it.
        assert isinstance(outcome, Receipt) or outcome.outcome == "unknown"
        assert len(server.mails) == 2 + isinstance(outcome, Receipt)
        assert server.connections[-1].verbs[-4:] == ["MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.anyio
async def test_a_payload_with_commands_in_it_waits_until_it_is_asked_for(kit: Any) -> None:
    # A careless server swallows what it takes, and reads what it rejects as commands.
    faults = [
        Fault("rcpt", reply("550 5.1.1 who?"), times=None),
        Fault("body", Unread("503 5.5.1 need a recipient"), times=None, optional=True),
    ]
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            server.script(*faults)
            mail = kit.mail(text=f"Hello {SMUGGLED}", payload={"name": SMUGGLED})
            error = await kit.outcome(session, mail)
        assert (error.outcome, error.scope) == ("rejected", "recipient")
        assert len(server.mails) == 1
        assert unexpected(server) == []


@pytest.mark.anyio
@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("text", ["250 2.0.0 Ok", "250 ok", "250 2.1.0 Sender ok"])
async def test_a_reply_too_many_never_makes_a_refusal_an_acceptance(
    text: str, offer: str, kit: Any
) -> None:
    faults = [
        Fault("mail", Stray(text), times=None),
        Fault("final", reply("554 5.7.1 no"), times=None, optional=True),
    ]
    with SmtpServer(extensions=OFFERS[offer]) as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            server.script(*faults)
            outcome = await kit.outcome(session, kit.mail())
            assert isinstance(outcome, SendError)
            assert len(server.mails) == 1
            # And the next one gets no reply of this one.
            server.script(*faults[1:])
            error = await kit.outcome(session, kit.mail())
            assert (error.outcome, error.provider_code[:3]) == ("rejected", "554")


@pytest.mark.anyio
async def test_what_comes_behind_the_last_reply_makes_it_worth_nothing(kit: Any) -> None:
    for offer in OFFERS.values():
        with SmtpServer(extensions=offer) as server:
            async with kit.session(kit.config(server)) as session:
                await session.send(kit.mail())
                for surplus in ("250 2.0.0 more", "554 5.0.0 or rather not", "250-half"):
                    text = f"250 2.0.0 Ok: queued as 1\r\n{surplus}"
                    server.script(Fault("final", accept_then(Inline(text))))
                    error = await kit.outcome(session, kit.mail())
                    assert isinstance(error, SendError), surplus
                    assert (error.outcome, error.scope) == ("unknown", "provider")


class Inline(Action):
    """Say several things in one packet, and go on."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def run(self, channel: Any, honest: bytes) -> bool:
        await channel.send(f"{self._text}\r\n".encode())
        return True


@pytest.mark.anyio
async def test_a_goodbye_behind_the_last_reply_takes_nothing_from_it(kit: Any) -> None:
    for offer in OFFERS.values():
        goodbye = accept_then(Inline("250 2.0.0 Ok: queued as 1\r\n421 4.3.2 bye"))
        with SmtpServer(extensions=offer, faults=[Fault("final", goodbye, times=None)]) as server:
            assert isinstance(await kit.send(kit.config(server)), Receipt)


SHIFTS: Final = (Stray(), Stray("550 5.0.0 no"), Repeat(), Omit(), Group(), Deaf())
STAGES: Final[tuple[Phase, ...]] = ("mail", "rcpt", "data", "bdat", "final")
ENDS: Final = (
    None,
    reply("554 5.7.1 no"),
    accept_then("close"),
    accept_then("reset"),
)


async def outcome_of(kit: Any, session: SmtpSession, server: SmtpServer, number: int) -> str:
    """Send an email, and check what is said of it against what became of it."""
    message_id = f"<{number}@example.com>"
    outcome = await kit.outcome(session, kit.mail(message_id=message_id))
    said = outcome.outcome if isinstance(outcome, SendError) else "accepted"
    copies = [mail.message["Message-ID"] for mail in server.mails].count(message_id)
    assert copies <= 1, "a mail was sent twice"
    assert said != "accepted" or copies == 1, "an accepted mail was lost"
    assert said != "rejected" or copies == 0, "a rejected mail had been accepted"
    return said


@pytest.mark.anyio
@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: type(shift).__name__)
async def test_whatever_shifts_the_truth_is_told(shift: Action, offer: str, kit: Any) -> None:
    # Where a reply never comes, the wait for it has to end.
    slow = isinstance(shift, Omit | Deaf)
    patience, ends = (150, ENDS[::2]) if slow else (60_000, ENDS)
    with SmtpServer(extensions=OFFERS[offer]) as server:
        config = kit.config(server, socketTimeout=patience)
        for number, (phase, end) in enumerate(itertools.product(STAGES, ends)):
            server.script()
            async with kit.session(config) as session:
                await kit.outcome(session, kit.mail())
                faults = [Fault(phase, shift, optional=True)]
                if end is not None:
                    faults.append(Fault("final", end, optional=True))
                server.script(*faults)
                await outcome_of(kit, session, server, number)
                server.script()
                await outcome_of(kit, session, server, number + 1000)


@pytest.mark.anyio
async def test_a_chunk_that_is_refused_after_the_first_holds_no_commands(kit: Any) -> None:
    with SmtpServer(faults=[Fault("body", Unread(), after=1, times=None, optional=True)]) as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail(text=SMUGGLED, payload={"name": SMUGGLED}))
        assert [mail.recipients for mail in server.mails] == [("ada@example.org",)]
        assert unexpected(server) == []
