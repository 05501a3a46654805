"""What a worker does with an email, and what its record says then."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import sqlite3
from typing import Any

import pytest

import passpost
from passpost import Message, SendError
from passpost.stores import StoreError
from passpost_outbox import Claim, Event, Finish, Keys, Release, Status, Sweeper


def message(**parts: Any) -> Message:
    whole = {"to": "ada@example.com", "usage": "SignIn", "payload": {"code": "493817"}, **parts}
    return Message(**whole)


async def worked(bench: Any, **parts: Any) -> Status:
    """Return what became of an email after a worker was told of it twice."""
    async with bench.outbox() as outbox, bench.mailer() as mailer:
        ticket = await outbox.enqueue(message(**parts))
        worker = bench.worker(mailer)
        state = await worker.work(ticket.id)
        assert await worker.work(ticket.id) is None
        status: Status = await outbox.status(ticket.id)
        assert status.state == state
        return status


def raising(error: Exception) -> Any:
    async def answer() -> None:
        raise error

    return answer


def test_an_email_is_sent_once_and_its_receipt_kept(bench: Any) -> None:
    status = asyncio.run(worked(bench, locale="de", idempotency_key="key"))
    (mail,) = bench.provider.mails
    assert (mail.to.address, mail.text.strip()) == ("ada@example.com", "493817")
    assert (status.state, status.error) == ("accepted", None)
    assert status.receipt is not None
    assert status.receipt.message_id == mail.message_id
    assert (status.receipt.connector, status.receipt.provider_id) == ("primary", "id-1")


@pytest.mark.parametrize("outcome", ["rejected", "unknown"])
def test_an_error_of_the_provider_is_kept_without_its_words(bench: Any, outcome: Any) -> None:
    error = SendError(
        "ada@example.com", outcome=outcome, scope="recipient", provider_code="550",
        response="no ada@example.com",
    )  # fmt: skip
    bench.provider.answer = raising(error)
    status = asyncio.run(worked(bench))
    assert (status.state, status.receipt) == (outcome, None)
    assert status.error is not None
    facts = status.error.facts()
    kept = {"connector": "primary", "outcome": outcome, "scope": "recipient", "temporary": False}
    assert facts.items() >= {**kept, "provider_code": "550", "response": None}.items()
    assert "ada@" not in str(status)
    assert "ada@" not in str(status.error)


def test_a_message_without_its_variable_is_rejected(bench: Any) -> None:
    status = asyncio.run(worked(bench, payload={}))
    assert (status.state, status.reason, bench.provider.mails) == ("rejected", "message", [])


def test_a_defect_is_unknown_and_no_log_shows_the_email(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            mailer.send = raising_send
            ticket = await outbox.enqueue(message())
            assert await bench.worker(mailer).work(ticket.id) == "unknown"

    async def raising_send(_message: Message) -> None:
        raise RuntimeError("493817 to ada@example.com")

    asyncio.run(check())
    assert "RuntimeError" in caplog.text
    assert "493817" not in caplog.text
    assert "ada@" not in caplog.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE outbox SET body = zeroblob(100)", "damaged"),
        ("UPDATE outbox SET body = NULL", "damaged"),
        ("UPDATE outbox SET record = replace(record, 'SignIn', 'Invite')", "damaged"),
        ("UPDATE outbox SET record = json_set(record, '$.deadline', 9000000000000)", "damaged"),
    ],
)
def test_a_record_that_somebody_changed_is_not_sent(bench: Any, change: str, reason: str) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            connection = sqlite3.connect(bench.path)
            with connection:
                connection.execute(change)
            connection.close()
            assert await bench.worker(mailer).work(ticket.id) == "rejected"
            status = await outbox.status(ticket.id)
            assert status.reason == reason
            assert bench.provider.mails == []

    asyncio.run(check())


def test_a_body_whose_key_is_missing_is_not_sent(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            bench.keys = Keys({"2026-12": b"n" * 32}, use="2026-12")
            assert await bench.worker(mailer).work(ticket.id) == "rejected"
            assert (await outbox.status(ticket.id)).reason == "key"

    asyncio.run(check())


def test_a_sweep_ends_in_time_however_much_is_overdue(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passpost_outbox.sweeper._BATCH", 10)

    async def check() -> None:
        async with bench.outbox(lifetime=30) as outbox:
            for _ in range(25):
                await outbox.enqueue(message())
            bench.seconds += 31
            sweeps = Sweeper(bench.store, every=1e-6, keep=60)
            swept = [await sweeps.sweep() for _ in range(3)]
            assert [one and one.expired for one in swept] == [10, 10, 5]

    asyncio.run(check())


def test_draining_ends_what_nobody_else_ends(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox(lifetime=10) as outbox, bench.mailer() as mailer:
            for _ in range(2):
                ticket = await outbox.enqueue(message())
                # Sooner than another worker would lead.
                bench.seconds += 11
                assert await bench.worker(mailer).drain() == 0
                assert (await outbox.status(ticket.id)).state == "expired"

    asyncio.run(check())


def test_an_email_past_its_deadline_is_not_sent_but_expires(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox(lifetime=30) as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            bench.seconds += 31
            worker = bench.worker(mailer)
            assert await worker.work(ticket.id) is None
            sweeper = Sweeper(bench.store, every=5, keep=60)
            swept = await sweeper.sweep()
            assert swept is not None
            assert swept.expired == 1
            status = await outbox.status(ticket.id)
            assert (status.state, status.reason) == ("expired", "overdue")
            assert await Sweeper(bench.store, every=5, keep=60).sweep() is None
            bench.seconds += 61
            swept = await sweeper.sweep()
            assert swept is not None
            assert swept.purged == 1

    asyncio.run(check())


def test_a_sweep_deletes_all_that_is_old(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passpost_outbox.sweeper._PURGED", 2)

    async def check() -> None:
        async with bench.outbox(lifetime=30) as outbox:
            for _ in range(5):
                await outbox.enqueue(message())
            sweeper = Sweeper(bench.store, every=60, keep=60)
            bench.seconds += 31
            await sweeper.sweep()
            bench.seconds += 61
            swept = await sweeper.sweep()
            assert swept is not None
            assert swept.purged == 5
            assert await outbox.counts() == {}

    asyncio.run(check())


def test_a_sweep_that_fails_leaves_nothing_under_way(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, under_way = bench.store.apply, set()

    async def check() -> None:
        async with bench.outbox(lifetime=30) as outbox:
            failing, other = [(await outbox.enqueue(message())).id for _ in range(2)]

            async def fail_once(id_: str, event: Event) -> Any:
                under_way.add(id_)
                try:
                    if id_ == failing:
                        raise StoreError("the store is gone")
                    return await apply(id_, event)
                finally:
                    under_way.remove(id_)

            monkeypatch.setattr(bench.store, "apply", fail_once)
            bench.seconds += 31
            with pytest.raises(StoreError, match="gone"):
                await Sweeper(bench.store, every=5, keep=60).sweep()
            assert under_way == set(), "a store that is closed now would be opened again"
            assert (await outbox.status(other)).state == "expired"

    asyncio.run(check())


def test_an_email_whose_worker_is_silent_is_unknown(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            ticket = await outbox.enqueue(message())
            await bench.store.apply(ticket.id, Claim("vanished", 60_000))
            sweeper = Sweeper(bench.store, every=5, keep=60)
            for seconds, abandoned in ((59, 0), (2, 1)):
                bench.seconds += seconds
                swept = await sweeper.sweep()
                assert swept is not None
                assert swept.abandoned == abandoned
            status = await outbox.status(ticket.id)
            assert (status.state, status.reason) == ("unknown", "lease")
            assert status.error.outcome == "unknown"

    asyncio.run(check())


def test_a_deadline_may_be_as_far_as_dates_go(bench: Any) -> None:
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    status = asyncio.run(worked(bench, deadline=far))
    assert status.state == "accepted"


def test_a_mailer_that_is_closed_sends_nothing_and_another_worker_does(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            ticket = await outbox.enqueue(message())
            async with bench.mailer() as closed:
                pass
            worker = bench.worker(closed)
            await worker.run()
            assert (await outbox.status(ticket.id)).state == "queued"
            async with bench.mailer() as mailer:
                assert await bench.worker(mailer).work(ticket.id) == "accepted"
        assert len(bench.provider.mails) == 1

    asyncio.run(check())


def test_a_worker_that_stops_finishes_what_is_under_way(bench: Any) -> None:
    async def check() -> None:
        held = bench.hold()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            first, second = [await outbox.enqueue(message()) for _ in range(2)]
            worker = bench.worker(mailer, concurrency=1)
            running = asyncio.create_task(worker.run())
            await held.sending.wait()
            worker.stop()
            held.go_on.set()
            await running
            assert (await outbox.status(first.id)).state == "accepted"
            assert (await outbox.status(second.id)).state == "queued"

    asyncio.run(check())


def test_a_worker_that_is_cancelled_says_that_nobody_knows(bench: Any) -> None:
    async def check() -> None:
        held = bench.hold()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            running = asyncio.create_task(bench.worker(mailer).run())
            await held.sending.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            status = await outbox.status(ticket.id)
            assert (status.state, status.reason) == ("unknown", "cancelled")

    asyncio.run(check())


def test_a_slow_email_keeps_its_lease(bench: Any) -> None:
    async def check() -> None:
        renewed = asyncio.Event()
        apply = bench.store.apply

        async def watched(id_: str, event: Event) -> Any:
            change = await apply(id_, event)
            if type(event).__name__ == "Renew":
                renewed.set()
            return change

        bench.store.apply = watched
        bench.provider.answer = renewed.wait
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            assert await bench.worker(mailer, lease=0.03).work(ticket.id) == "accepted"

    asyncio.run(check())


def test_a_store_that_fails_is_told_again(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        failures = [StoreError("the store is away"), StoreError("still away")]
        apply = bench.store.apply

        async def failing(id_: str, event: Event) -> Any:
            if isinstance(event, Finish | Release) and failures:
                raise failures.pop()
            return await apply(id_, event)

        bench.store.apply = failing
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            worker = bench.worker(mailer, poll=0.01)
            assert await worker.work(ticket.id) == "accepted"

    asyncio.run(check())
    assert len(bench.provider.mails) == 1
    assert caplog.text.count("did not note") == 2


def test_a_worker_outlives_a_store_that_cannot_be_asked(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    async def check() -> None:
        claim_next = bench.store.claim_next
        failures = [StoreError("the store is away")]

        async def failing(claim: Claim) -> Any:
            if failures:
                raise failures.pop()
            return await claim_next(claim)

        bench.store.claim_next = failing
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            worker = bench.worker(mailer, poll=0.01)
            running = asyncio.create_task(worker.run())
            status = await ticket.wait(60)
            worker.stop()
            await running
            assert status.state == "accepted"

    asyncio.run(check())
    assert "the store is away" in caplog.text


def test_a_long_queue_is_claimed_by_several_at_a_time(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_next, asking, most = bench.store.claim_next, [0], [0]

    async def counted(claim: Claim) -> Any:
        asking[0] += 1
        most[0] = max(most[0], asking[0])
        try:
            return await claim_next(claim)
        finally:
            asking[0] -= 1

    async def check() -> None:
        monkeypatch.setattr(bench.store, "claim_next", counted)
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            tickets = [await outbox.enqueue(message()) for _ in range(20)]
            worker = bench.worker(mailer, concurrency=4, poll=0.01)
            running = asyncio.create_task(worker.run())
            for ticket in tickets:
                await ticket.wait(60)
            worker.stop()
            await running
            assert await outbox.counts() == {"accepted": len(tickets)}

    asyncio.run(check())
    assert 1 < most[0] <= 4
    assert len(bench.provider.mails) == 20


def test_numbers_out_of_range_are_rejected(bench: Any) -> None:
    async def check(**wrong: Any) -> None:
        async with bench.mailer() as mailer:
            bench.worker(mailer, **wrong)

    for wrong in ({"concurrency": 0}, {"lease": 0}, {"poll": -1}):
        with pytest.raises(ValueError, match="at least 1"):
            asyncio.run(check(**wrong))


def test_a_worker_uses_the_policy_of_its_mailer(bench: Any) -> None:
    # A deadline that is near leaves the mailer no time: it is the message's own there.
    async def check() -> None:
        seen: list[passpost.Message] = []
        async with bench.outbox(lifetime=30) as outbox, bench.mailer() as mailer:
            send = mailer.send

            async def watched(one: Message) -> passpost.Receipt:
                seen.append(one)
                receipt: passpost.Receipt = await send(one)
                return receipt

            mailer.send = watched
            ticket = await outbox.enqueue(message())
            bench.seconds += 10
            await bench.worker(mailer).work(ticket.id)
        (one,) = seen
        assert one.deadline is not None
        left = bench.provider.mails[0].deadline - bench.provider.mails[0].date
        assert left.total_seconds() <= 20

    asyncio.run(check())
