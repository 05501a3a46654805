"""An email that begins in the same write as the message of the one before: each has its own end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from passpost import Receipt, SendError
from passpost_smtp.session import SmtpSession
from passpost_smtp.waiting import Waiting
from pytest_passpost import EXTENSIONS, Action, Fault, Hold, Omit, SmtpServer, accept_then, reply

PIPELINING_ALONE: Final = tuple(name for name in EXTENSIONS if name != "CHUNKING")
FIRST: Final = "<first@example.com>"
SECOND: Final = "<second@example.com>"


class Pair:
    """Two emails over one connection, the second behind the first.

    Args:
        kit: Makes the emails.
        session: The session, with one connection that is open.
        fields: What the second email is made of.
    """

    def __init__(self, kit: Any, session: SmtpSession, **fields: Any) -> None:
        self.first = asyncio.ensure_future(kit.outcome(session, kit.mail(message_id=FIRST)))
        second = kit.mail(message_id=SECOND, **fields)
        self.second = asyncio.ensure_future(kit.outcome(session, second))

    async def outcomes(self) -> list[str]:
        both = await asyncio.gather(self.first, self.second)
        return [one.outcome if isinstance(one, SendError) else "accepted" for one in both]


@asynccontextmanager
async def open_session(kit: Any, server: SmtpServer, **settings: Any) -> AsyncIterator[SmtpSession]:
    """Return a session whose one connection has carried an email."""
    config = kit.config(server, pool={"maxConnections": 1}, **settings)
    async with kit.session(config) as session:
        assert isinstance(await session.send(kit.mail()), Receipt)
        yield session


def arrived(server: SmtpServer) -> list[str]:
    """Return the Message-IDs of both emails, as often and in the order in which they arrived."""
    return [str(mail.message["Message-ID"]) for mail in server.mails[1:]]


def may_follow(session: SmtpSession) -> bool:
    """Return whether an email would still begin behind another."""
    return session.context.fallback._may_follow


@pytest.mark.anyio
async def test_two_emails_take_three_round_trips(kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            before = server.connections[0].round_trips
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
            assert server.connections[0].round_trips - before == 3
        assert arrived(server) == [FIRST, SECOND]
        assert server.violations == []


@pytest.mark.anyio
@pytest.mark.parametrize("left_out", ["PIPELINING", None])
async def test_nothing_follows_where_that_is_not_offered_or_not_needed(
    left_out: str | None, kit: Any
) -> None:
    offer = tuple(name for name in EXTENSIONS if name != left_out)
    with SmtpServer(extensions=offer) as server:
        async with open_session(kit, server) as session:
            before = server.connections[0].round_trips
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
            assert server.connections[0].round_trips - before == (8 if left_out else 2)


@pytest.mark.anyio
async def test_nothing_follows_a_message_that_no_single_write_takes(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", hold))
            large = asyncio.ensure_future(kit.outcome(session, kit.mail(text="x\n" * 20_000)))
            second = asyncio.ensure_future(kit.outcome(session, kit.mail(seconds=0.2)))
            error = await second
            assert isinstance(error, SendError)
            assert "waiting for a free connection" in str(error)
            hold.release()
            assert isinstance(await large, Receipt)
        assert server.connections[0].verbs.count("MAIL") == 2


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_connection_lost_behind_the_message_leaves_only_that_one_unknown(
    end: Any, kit: Any
) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", accept_then(end)))
            assert await Pair(kit, session).outcomes() == ["unknown", "accepted"]
        assert arrived(server) == [FIRST, SECOND]
        assert server.connection_count == 2


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["554 5.7.1 spam", "451 4.3.0 later"])
async def test_a_message_that_is_rejected_takes_nothing_from_the_next(text: str, kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", reply(text)))
            assert await Pair(kit, session).outcomes() == ["rejected", "accepted"]
        assert arrived(server) == [SECOND]
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_what_rejects_the_next_sender_does_not_reject_a_message_without_a_reply(
    kit: Any,
) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server, socketTimeout=300) as session:
            server.script(Fault("final", Omit()), Fault("mail", reply("550 5.7.1 no"), after=1))
            assert await Pair(kit, session).outcomes() == ["unknown", "accepted"]
        assert arrived(server) == [FIRST, SECOND]


def answer_at_once(server: SmtpServer) -> None:
    """Reply to the first message and to the whole envelope behind it in one packet."""
    all_replies = "250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go on"
    server.script(
        Fault("final", accept_then(_Packet(all_replies))),
        *(Fault(phase, Omit(), after=1) for phase in ("mail", "rcpt", "data")),
    )


async def send(kit: Any, session: SmtpSession, count: int) -> None:
    for _ in range(count):
        assert isinstance(await session.send(kit.mail()), Receipt)


@pytest.mark.anyio
async def test_an_email_that_begins_as_another_ends_does_not_wait(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    add = Waiting.add

    def count(self: Waiting, deadline: float, **more: Any) -> Any:
        waited.append(deadline)
        return add(self, deadline, **more)

    monkeypatch.setattr(Waiting, "add", count)
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            answer_at_once(server)
            waited.clear()
            await asyncio.gather(send(kit, session, 2), send(kit, session, 1))
            # The second; the third begins in the write of the second's message.
            assert len(waited) == 1
        assert len(server.mails) == 4
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_no_email_joins_a_connection_that_has_carried_enough(kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        config = kit.config(server, pool={"maxConnections": 1, "maxMessages": 3})
        async with kit.session(config) as session:
            await send(kit, session, 1)
            answer_at_once(server)
            await asyncio.gather(send(kit, session, 2), send(kit, session, 1))
        assert [connection.mails for connection in server.connections] == [3, 1]


@pytest.mark.anyio
async def test_a_recipient_that_is_rejected_takes_nothing_from_the_message_before(kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("rcpt", reply("550 5.1.1 who?"), after=1))
            assert await Pair(kit, session).outcomes() == ["accepted", "rejected"]
            assert may_follow(session)
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_the_second_goes_elsewhere_once_the_first_is_cancelled(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", hold))
            pair = Pair(kit, session)
            await asyncio.to_thread(hold.reached.wait, 5)
            pair.first.cancel()
            assert isinstance(await pair.second, Receipt)
            hold.release()
        assert arrived(server).count(SECOND) == 1
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_the_first_keeps_its_reply_where_the_second_is_cancelled(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", hold))
            pair = Pair(kit, session)
            await asyncio.to_thread(hold.reached.wait, 5)
            pair.second.cancel()
            await asyncio.wait([pair.second])
            hold.release()
            assert isinstance(await pair.first, Receipt)
            # The server waits for a message there.
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert arrived(server)[0] == FIRST
        assert SECOND not in arrived(server)
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_the_second_gives_up_at_its_own_deadline(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", hold))
            pair = Pair(kit, session, seconds=0.3)
            await asyncio.to_thread(hold.reached.wait, 5)
            error = await pair.second
            assert isinstance(error, SendError)
            assert (error.outcome, error.temporary) == ("rejected", True)
            hold.release()
            assert isinstance(await pair.first, Receipt)
        assert arrived(server) == [FIRST]


@pytest.mark.anyio
async def test_a_surplus_reply_casts_doubt_on_the_message_before(kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(Fault("final", accept_then(_Packet("250 2.0.0 Ok\r\n250 2.0.0 more"))))
            assert await Pair(kit, session).outcomes() == ["unknown", "accepted"]
        assert arrived(server) == [FIRST, SECOND]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fault", [Fault("mail", reply("503 5.5.1 no"), after=1), Fault("mail", "close", after=1)]
)
async def test_a_server_that_does_not_read_what_follows_is_spoken_to_plainly(
    fault: Fault, kit: Any
) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            server.script(fault)
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
            assert not may_follow(session)
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
        assert arrived(server) == [FIRST, SECOND] * 2


@pytest.mark.anyio
async def test_what_once_worked_on_a_connection_is_not_given_up_with_it(kit: Any) -> None:
    with SmtpServer(extensions=PIPELINING_ALONE) as server:
        async with open_session(kit, server) as session:
            await Pair(kit, session).outcomes()
            server.script(Fault("mail", "close", after=1))
            assert await Pair(kit, session).outcomes() == ["accepted", "accepted"]
            assert may_follow(session)


class _Packet(Action):
    """Say several things in one packet, and go on."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def run(self, channel: Any, honest: bytes) -> bool:
        del honest
        await channel.send(f"{self._text}\r\n".encode())
        return True
