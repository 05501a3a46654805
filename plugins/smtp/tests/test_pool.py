"""The pool: connections are opened as needed, used again, and never in an unknown state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from passpost import MailerClosedError, Receipt, SendError
from passpost_smtp import limits, pool
from passpost_smtp.session import SmtpSession
from pytest_passpost import Fault, Hold, Phase, SmtpServer, accept_then, reply

USERS = {"ada": "correct horse"}
FORMS = (("PIPELINING", "CHUNKING"), ("PIPELINING",), ("8BITMIME",))


async def elsewhere(wait: Callable[..., object], *args: object) -> None:
    """Wait for the server without holding up the loop, on which the client lives."""
    await asyncio.to_thread(wait, *args)


async def opened(session: SmtpSession) -> None:
    """Wait until no connection is on its way any more."""
    while session._pool._openings:
        await asyncio.wait(list(session._pool._openings))


async def send_all(kit: Any, session: Any, count: int) -> list[Receipt | SendError]:
    sending = (kit.outcome(session, kit.mail(subject=f"mail {n}")) for n in range(count))
    return list(await asyncio.gather(*sending))


@pytest.mark.anyio
async def test_one_connection_carries_one_mail_after_the_other(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(5):
                await session.send(kit.mail())
        assert server.connection_count == 1
        first, others = ["MAIL", "RCPT", "BDAT", "BDAT"], ["MAIL", "RCPT", "BDAT"] * 4
        assert server.connections[0].verbs == ["EHLO", *first, *others, "QUIT"]


@pytest.mark.anyio
async def test_connections_are_opened_as_load_asks_for_them_and_no_more(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold, times=None)]) as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 3})) as session:
            sending = asyncio.ensure_future(send_all(kit, session, 7))
            await elsewhere(hold.reached.wait, 5)
            await opened(session)
            assert server.connection_count == 3
            hold.release()
            assert all(isinstance(outcome, Receipt) for outcome in await sending)
        assert server.connection_count == 3
        assert len(server.mails) == 7


@pytest.mark.anyio
async def test_those_who_wait_are_served_in_order(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            await send_all(kit, session, 20)
        assert [mail.subject for mail in server.mails] == [f"mail {n}" for n in range(20)]


@pytest.mark.anyio
async def test_a_connection_retires_after_its_mails(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxMessages": 2})) as session:
            for _ in range(5):
                await session.send(kit.mail())
        assert [connection.mails for connection in server.connections] == [2, 2, 1]
        assert all(connection.verbs[-1] == "QUIT" for connection in server.connections)


@pytest.mark.anyio
async def test_a_connection_retires_at_its_age(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxAge": 1})) as session:
            for _ in range(3):
                await session.send(kit.mail())
                await asyncio.sleep(0.002)
        assert server.connection_count == 3


@pytest.mark.anyio
async def test_an_idle_connection_is_closed_in_order(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"idleTimeout": 20})) as session:
            await session.send(kit.mail())
            await elsewhere(server.wait_ended, 1)
            assert server.connections[0].verbs[-1] == "QUIT"
            await session.send(kit.mail())
        assert len(server.mails) == 2


@pytest.mark.anyio
async def test_who_waits_gives_up_at_the_deadline(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold, times=None)]) as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            first = asyncio.ensure_future(kit.outcome(session, kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            error = await kit.outcome(session, kit.mail(seconds=0.05))
            assert isinstance(error, SendError)
            assert (error.outcome, error.temporary) == ("rejected", True)
            assert "waiting for a free connection" in str(error)
            hold.release()
            assert isinstance(await first, Receipt)
        assert len(server.mails) == 1


@pytest.mark.anyio
async def test_who_waits_for_an_opening_hears_where_it_hangs(kit: Any) -> None:
    with SmtpServer(faults=[Fault("greeting", "silence")]) as server:
        error = await kit.refusal(kit.config(server), kit.mail(seconds=0.1))
        assert "waiting for the server's greeting" in str(error)


@pytest.mark.anyio
async def test_a_mail_whose_deadline_has_passed_is_not_begun(kit: Any) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            error = await kit.outcome(session, kit.mail(seconds=-1))
            assert (error.outcome, error.temporary) == ("rejected", True)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert len(server.mails) == 2
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_a_wrong_password_is_shown_once_for_all_who_wait(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        config = kit.config(server, auth={"user": "ada", "pass": "incorrect"})
        async with kit.session(config) as session:
            outcomes = await send_all(kit, session, 20)
        assert {outcome.scope for outcome in outcomes if isinstance(outcome, SendError)} == {
            "account"
        }
        assert len({id(outcome) for outcome in outcomes}) == 20
        assert len(server.credentials) == 1
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_a_password_that_stops_being_right_fails_all_who_wait(kit: Any) -> None:
    wrong = Fault("auth", reply("535 5.7.8 changed"), after=1, times=None)
    hold = Hold()
    faults = [wrong, Fault("final", hold)]
    with SmtpServer(tls="starttls", auth=USERS, faults=faults) as server:
        config = kit.config(
            server, auth={"user": "ada", "pass": "correct horse"}, pool={"maxConnections": 2}
        )
        async with kit.session(config) as session:
            first = asyncio.ensure_future(kit.outcome(session, kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            others = await send_all(kit, session, 5)
            assert all(isinstance(outcome, SendError) for outcome in others)
            hold.release()
            assert isinstance(await first, Receipt)
        # Once when it was right, and once for all when it was wrong.
        assert len(server.credentials) == 2


@pytest.mark.anyio
async def test_a_bad_certificate_is_seen_once_by_all_who_wait(kit: Any) -> None:
    with SmtpServer(tls="implicit", certificate="expired") as server:
        async with kit.session(kit.config(server, secure=True)) as session:
            outcomes = await send_all(kit, session, 20)
        assert all(isinstance(outcome, SendError) for outcome in outcomes)
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_after_a_failure_the_next_mail_tries_again(kit: Any) -> None:
    with SmtpServer(faults=[Fault("greeting", reply("421 4.3.2 busy"))]) as server:
        async with kit.session(kit.config(server)) as session:
            assert isinstance(await kit.outcome(session, kit.mail()), SendError)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)


@pytest.mark.anyio
async def test_a_server_that_takes_few_connections_is_served_over_these(kit: Any) -> None:
    too_many = Fault("greeting", reply("421 4.7.0 too many connections"), after=1, times=None)
    with SmtpServer(faults=[too_many]) as server:
        async with kit.session(kit.config(server)) as session:
            outcomes = await send_all(kit, session, 30)
        assert all(isinstance(outcome, Receipt) for outcome in outcomes)
        # The first, and one try each for the four others that the settings allow.
        assert server.connection_count <= 5


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS, ids="-".join)
@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail", "rcpt", "data", "final"])
async def test_a_cancelled_send_leaves_nothing_unclear_behind(
    phase: Phase, form: tuple[str, ...], kit: Any
) -> None:
    if (phase, form) == ("data", FORMS[0]):
        phase = "bdat"
    hold = Hold()
    with SmtpServer(extensions=form, faults=[Fault(phase, hold)]) as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            task = asyncio.ensure_future(session.send(kit.mail(subject="cancelled")))
            await elsewhere(hold.reached.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # What the server says to the cancelled email must not be heard by the next one
            # (symfony#54169).
            hold.release()
            await session.send(kit.mail(subject="next"))
        assert server.mails[-1].subject == "next"
        # A connection on its way belongs to nobody, and goes on to serve the next.
        assert server.connection_count == (1 if phase in {"greeting", "ehlo"} else 2)
        assert server.violations == []


@pytest.mark.anyio
async def test_a_cancelled_wait_takes_no_connection_away(kit: Any) -> None:
    later = asyncio.get_running_loop().time() + 20
    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            pool = session._pool
            pooled = await pool.acquire(later)
            waiting = [asyncio.ensure_future(pool.acquire(later)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            await asyncio.sleep(0)
            pool.release(pooled)
            # It has been handed to the second of them, which has not run since.
            waiting[1].cancel()
            assert await waiting[2] is pooled
            pool.release(pooled)
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_closing_waits_for_the_mails_under_way_and_says_quit(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as server:
        async with kit.session(kit.config(server)) as session:
            sending = asyncio.ensure_future(session.send(kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            closing = asyncio.ensure_future(session.aclose())
            await asyncio.sleep(0)
            with pytest.raises(MailerClosedError):
                await session.send(kit.mail())
            hold.release()
            assert isinstance(await sending, Receipt)
            await closing
        assert server.connections[0].verbs[-1] == "QUIT"


@pytest.mark.anyio
async def test_closing_that_is_cancelled_leaves_no_connection_open(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as server:
        async with kit.session(kit.config(server)) as session:
            sending = asyncio.ensure_future(kit.outcome(session, kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            closing = asyncio.ensure_future(session.aclose())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            assert (await sending).outcome == "unknown"
            hold.release()
            await elsewhere(server.wait_closed, 1)


@pytest.mark.anyio
async def test_warm_connections_are_there_before_the_first_mail(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        config = kit.config(
            server, auth={"user": "ada", "pass": "correct horse"}, pool={"keepWarm": 2}
        )
        async with kit.session(config) as session:
            await opened(session)
            assert [connection.user for connection in server.connections] == ["ada", "ada"]
            await session.send(kit.mail())
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_a_warm_connection_that_was_lost_is_opened_again(kit: Any) -> None:
    with SmtpServer(faults=[Fault("idle", "close", times=3)]) as server:
        async with kit.session(kit.config(server, pool={"keepWarm": 1})) as session:
            for count in range(1, 4):
                await opened(session)
                (pooled,) = session._pool._idle
                await session.send(kit.mail())
                await pooled.connection.wait_closed()
                await opened(session)
                assert server.connection_count == count + 1
        assert len(server.mails) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "final"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_refused_mail_leaves_the_connection_usable(
    phase: Phase, form: tuple[str, ...], kit: Any
) -> None:
    with SmtpServer(extensions=form, faults=[Fault(phase, reply("550 5.7.1 no"))]) as server:
        async with kit.session(kit.config(server)) as session:
            refused = isinstance(await kit.outcome(session, kit.mail()), SendError)
            assert refused or (phase, form) == ("data", FORMS[0])
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert server.connection_count == 1
        assert server.connections[0].verbs.count("RSET") == int(refused)
        assert server.violations == []


@pytest.mark.anyio
async def test_a_server_that_is_silent_on_rset_holds_up_no_close(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_QUIT_TIMEOUT", 0.05)
    monkeypatch.setattr(limits, "_PROBE", 600.0)
    faults = [Fault("rcpt", reply("550 5.1.1 who?")), Fault("rset", "silence")]
    with SmtpServer(faults=faults) as server:
        # Ten minutes, which is more than any test has.
        async with kit.session(kit.config(server, commandTimeout=600_000)) as session:
            assert isinstance(await kit.outcome(session, kit.mail()), SendError)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "action", [reply("550 5.0.0 no"), accept_then("silence"), "close", "reset"]
)
async def test_a_connection_that_fails_at_rset_is_given_up(action: Any, kit: Any) -> None:
    faults = [Fault("rcpt", reply("550 5.1.1 who?")), Fault("rset", action)]
    with SmtpServer(faults=faults) as server:
        config = kit.config(server, commandTimeout=100, pool={"maxConnections": 1})
        async with kit.session(config) as session:
            assert isinstance(await kit.outcome(session, kit.mail()), SendError)
            assert isinstance(await kit.outcome(session, kit.mail()), Receipt)
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_after_a_long_pause_the_message_stays_out_of_the_first_write(kit: Any) -> None:
    with SmtpServer() as server:
        config = kit.config(server, pool={"probeAfter": 0})
        async with kit.session(config, proven=True) as session:
            await session.send(kit.mail())
            await session.send(kit.mail())
        assert server.connections[0].verbs[1:-1] == ["MAIL", "RCPT", "DATA"] * 2


@pytest.mark.anyio
@pytest.mark.parametrize("action", ["close", "reset", "silence"])
async def test_a_connection_that_died_unseen_costs_no_mail(action: Any, kit: Any) -> None:
    with SmtpServer(faults=[Fault("mail", action, after=1)]) as server:
        config = kit.config(server, commandTimeout=100, pool={"probeAfter": 0})
        async with kit.session(config) as session:
            await session.send(kit.mail())
            await session.send(kit.mail())
        assert len(server.mails) == 2
        assert server.connection_count == 2


@pytest.mark.anyio
@pytest.mark.parametrize("action", ["close", "reset"])
async def test_within_the_pause_every_loss_is_unknown(action: Any, kit: Any) -> None:
    with SmtpServer(faults=[Fault("mail", action, after=1)]) as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            second = await kit.outcome(session, kit.mail())
        assert second.outcome == "unknown"
        assert len(server.mails) == 1


@pytest.mark.anyio
async def test_a_connection_that_is_there_in_the_moment_of_closing_is_closed_too(
    kit: Any,
) -> None:
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            pool = session._pool
            pool._open(1)
            (task,) = pool._openings
            while not task.done():  # noqa: ASYNC110 - an event would come after the pool's own
                await asyncio.sleep(0)
            # It is done, and the pool has not heard of it yet.
            assert task in pool._openings
            async with asyncio.timeout(5):
                await session.aclose()
        await elsewhere(server.wait_closed, 1)


@pytest.mark.anyio
async def test_who_still_waits_when_closing_is_cancelled_is_told(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            first = asyncio.ensure_future(kit.outcome(session, kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            second = asyncio.ensure_future(session.send(kit.mail()))
            await asyncio.sleep(0)
            closing = asyncio.ensure_future(session.aclose())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(MailerClosedError):
                await second
            assert (await first).outcome == "unknown"
            hold.release()


@pytest.mark.anyio
async def test_of_two_idle_connections_the_warm_one_stays(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as server:
        config = kit.config(server, pool={"keepWarm": 1, "idleTimeout": 30})
        async with kit.session(config) as session:
            await opened(session)
            sending = [asyncio.ensure_future(session.send(kit.mail())) for _ in range(2)]
            await elsewhere(hold.reached.wait, 5)
            hold.release()
            await asyncio.gather(*sending)
            await opened(session)
            # One of the two says QUIT, and is not opened again.
            await elsewhere(server.wait_ended, 1)
            assert session._pool.size == 1
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_a_warm_connection_that_cannot_be_had_is_tried_for_again_and_again(kit: Any) -> None:
    busy = Fault("greeting", reply("421 4.3.2 busy"), times=3)
    with SmtpServer(faults=[busy]) as server:
        async with kit.session(kit.config(server, pool={"keepWarm": 1})) as session:
            session._pool._warm_backoff = 0.001
            while not session._pool._idle:  # noqa: ASYNC110 - the pool's own timers are waited for
                await asyncio.sleep(0.001)
        assert server.connection_count == 4


@pytest.mark.anyio
async def test_a_warm_connection_does_not_try_a_wrong_password_again(kit: Any) -> None:
    with SmtpServer(tls="starttls", auth=USERS) as server:
        login = {"user": "ada", "pass": "incorrect"}
        async with kit.session(kit.config(server, auth=login, pool={"keepWarm": 2})) as session:
            session._pool._warm_backoff = 0.001
            await opened(session)
            await asyncio.sleep(0.01)
            assert session._pool.size == 0
        assert len(server.credentials) == 1


@pytest.mark.anyio
async def test_a_mistake_of_ours_reaches_who_waits(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("passpost_smtp.opening.Opening.connect", connect)
    async with kit.session(kit.config(25)) as session:
        with pytest.raises(ZeroDivisionError):
            await session.send(kit.mail())


@pytest.mark.anyio
async def test_deadlines_of_those_who_wait_are_each_their_own(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            first = asyncio.ensure_future(session.send(kit.mail()))
            await elsewhere(hold.reached.wait, 5)
            patient = asyncio.ensure_future(session.send(kit.mail(seconds=20)))
            await asyncio.sleep(0)
            mails = [kit.mail(seconds=seconds) for seconds in (0.1, 0.05)]
            hasty = [asyncio.ensure_future(kit.outcome(session, mail)) for mail in mails]
            for outcome in await asyncio.gather(*hasty):
                assert "waiting for a free connection" in str(outcome)
            assert not patient.done()
            hold.release()
            await asyncio.gather(first, patient)
        assert len(server.mails) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("action", ["close", "reset", reply("421 4.4.2 idle")])
async def test_a_connection_that_ended_is_seen_before_the_loop_sees_it(
    action: Any, kit: Any
) -> None:
    with SmtpServer(faults=[Fault("idle", action, after=1)]) as server:
        async with kit.session(kit.config(server)) as session:
            await session.send(kit.mail())
            (pooled,) = session._pool._idle
            assert not pooled.connection.is_dropped()
            await session.send(kit.mail())
            # The loop stands still meanwhile.
            server.wait_ended(1)
            assert pooled.connection.is_dropped()


@pytest.mark.anyio
async def test_where_one_idle_connection_is_dead_the_others_are_not_trusted(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold, times=None)]) as server:
        config = kit.config(server, pool={"maxConnections": 3, "probeAfter": 0})
        async with kit.session(config) as session:
            sending = asyncio.ensure_future(send_all(kit, session, 3))
            await elsewhere(hold.reached.wait, 5)
            await opened(session)
            hold.release()
            await sending
            assert session._pool.size == 3
            server.script(Fault("mail", "reset"))
            await session.send(kit.mail())
            assert session._pool.size == 1
        assert server.connection_count == 4


@pytest.mark.anyio
async def test_a_connection_that_has_carried_enough_for_the_server_is_replaced(kit: Any) -> None:
    enough = Fault("mail", reply("452 4.5.3 Too many messages sent"), after=2)
    with SmtpServer(faults=[enough]) as server:
        async with kit.session(kit.config(server)) as session:
            for _ in range(4):
                await session.send(kit.mail())
        assert len(server.mails) == 4
        assert server.connection_count == 2


@pytest.mark.anyio
async def test_a_server_that_has_enough_of_a_fresh_connection_is_believed(kit: Any) -> None:
    enough = Fault("mail", reply("450 4.7.1 Too many messages, slow down"), times=None)
    with SmtpServer(faults=[enough]) as server:
        error = await kit.refusal(kit.config(server))
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "provider", True)
        assert server.connection_count == 1


@pytest.mark.anyio
async def test_a_mail_that_cannot_be_built_costs_no_connection(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with SmtpServer() as server:
        async with kit.session(kit.config(server, pool={"maxConnections": 1})) as session:
            with monkeypatch.context() as patch:
                patch.setattr("passpost_smtp.mime.MailBuilder.build", build)
                with pytest.raises(ZeroDivisionError):
                    await session.send(kit.mail())
            await session.send(kit.mail())
        assert server.connection_count == 1
