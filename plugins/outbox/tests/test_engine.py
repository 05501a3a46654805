"""Engines: they are told of IDs in bounded time, and what they lose is published again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from passpost import Message
from passpost.stores import StoreError
from passpost_outbox import BlockingWorker, Claim, Outbox, Sweeper, Worker
from passpost_outbox.engine import Publisher
from passpost_outbox.loops import LoopThread


class Engine:
    """Notes what it is told, or does what a test says."""

    def __init__(self, answer: Callable[[], Any] | None = None) -> None:
        self.told: list[tuple[str, float, int]] = []
        self.answer = answer

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        self.told.append((id_, seconds_left, priority))
        if self.answer is not None:
            await self.answer()

    @property
    def ids(self) -> list[str]:
        return [told[0] for told in self.told]


def message(**parts: Any) -> Message:
    whole = {"to": "ada@example.com", "usage": "SignIn", "payload": {"code": "493817"}, **parts}
    return Message(**whole)


def sweeper(bench: Any, engine: Engine, again: float = 15.0) -> Sweeper:
    return Sweeper(bench.store, every=5, keep=60, publisher=Publisher(engine, 2.0, again))


async def swept(sweeper: Sweeper) -> int:
    found = await sweeper.sweep()
    assert found is not None
    return found.published


def test_an_engine_is_told_of_the_id_alone(bench: Any) -> None:
    engine = Engine()

    async def check() -> None:
        async with bench.outbox(engine=engine, lifetime=30) as outbox:
            ticket = await outbox.enqueue(message(idempotency_key="key"))
            ((id_, left, priority),) = engine.told
            assert (id_, priority) == (ticket.id, 10)
            assert 0 < left <= 30
            # Its caller may not know that the first one was published.
            await outbox.enqueue(message(idempotency_key="key"))
            assert engine.ids == [ticket.id] * 2
            async with bench.mailer() as mailer:
                await bench.worker(mailer).work(ticket.id)
            await outbox.enqueue(message(idempotency_key="key"))
            assert engine.ids == [ticket.id] * 2

    asyncio.run(check())


def test_an_engine_that_never_answers_holds_no_request(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    over = asyncio.Event()

    async def hang() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                # As a library does that tries again, whatever it is told.
                continue

    async def check() -> None:
        engine = Engine(hang)
        async with bench.outbox(engine=engine, publish_timeout=0.01) as outbox:
            first = await outbox.enqueue(message())
            # For a while it is not asked, and a sweeper need not wait.
            second = await outbox.enqueue(message())
            assert engine.ids == [first.id]
            stale = [record.id for record in await bench.store.stale(10)]
            assert stale == [second.id]
            bench.seconds += 15
            assert first.id in {record.id for record in await bench.store.stale(10)}
        over.set()

    asyncio.run(check())
    assert "was not told of" in caplog.text
    assert "493817" not in caplog.text


@pytest.mark.parametrize("error", [StoreError("the broker is away"), RuntimeError("493817")])
def test_an_engine_that_fails_is_told_again_by_the_sweeper(
    bench: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise error

    async def check() -> None:
        engine = Engine(fail)
        async with bench.outbox(engine=engine) as outbox:
            ticket = await outbox.enqueue(message())
            engine.answer = None
            sweeps = sweeper(bench, engine)
            assert await swept(sweeps) == 0
            bench.seconds += 15
            assert await swept(sweeps) == 1
            assert engine.ids == [ticket.id] * 2

    asyncio.run(check())
    assert ("the broker is away" in caplog.text) == isinstance(error, StoreError)
    assert "493817" not in caplog.text
    assert type(error).__name__ in caplog.text or isinstance(error, StoreError)


def test_an_email_is_published_once_a_period_and_ever_more_seldom(bench: Any) -> None:
    async def check() -> None:
        engine = Engine()
        async with bench.outbox(engine=engine) as outbox:
            await outbox.enqueue(message())
            sweeps, moments = sweeper(bench, engine), []
            for second in range(1, 300):
                bench.seconds += 1
                if await swept(sweeps):
                    moments.append(second)
            assert moments == [15, 30, 60, 120, 240]

    asyncio.run(check())


def test_an_id_that_waits_for_its_turn_is_not_published_again(bench: Any) -> None:
    async def check(republish: float) -> list[str]:
        engine = Engine()
        async with bench.outbox(engine=engine) as outbox, bench.mailer() as mailer:
            ids: list[str] = []
            for _ in range(4):
                bench.seconds += 1
                ids.append((await outbox.enqueue(message())).id)
            async with bench.outbox() as other:
                # No engine was told of this one.
                ids.append((await other.enqueue(message())).id)
            bench.seconds += 20
            engine.told.clear()
            worker = bench.worker(mailer, engine=engine, republish=republish)
            assert await worker.work(ids[1]) == "accepted"
            assert await swept(worker._sweeper) == len(engine.ids)
            assert await worker.drain() == 4
        return [str(ids.index(id_)) for id_ in engine.ids]

    # The engine has passed the first one, and comes to the third one soon.
    assert sorted(asyncio.run(check(15.0))) == ["0", "4"]
    # It has brought nothing for as long as that.
    assert sorted(asyncio.run(check(1e-9))) == ["0", "2", "3", "4"]


def test_what_was_stored_without_an_engine_is_published_by_the_next_sweep(bench: Any) -> None:
    async def check() -> None:
        engine = Engine()
        async with bench.outbox() as outbox:
            ids = {(await outbox.enqueue(message())).id for _ in range(30)}
            assert await swept(sweeper(bench, engine)) == 30
            assert sorted(engine.ids) == sorted(ids)
            assert engine.told[0][2] == 10

    asyncio.run(check())


def test_a_sweep_gives_up_where_the_engine_fails(bench: Any) -> None:
    async def fail() -> None:
        raise StoreError("the broker is away")

    async def check() -> None:
        engine = Engine(fail)
        async with bench.outbox() as outbox:
            for _ in range(50):
                await outbox.enqueue(message())
            assert await swept(sweeper(bench, engine)) == 0
            assert len(engine.told) < 50

    asyncio.run(check())


def test_a_worker_of_an_engine_sends_what_it_is_told_of_alone(bench: Any) -> None:
    async def check() -> None:
        republished = asyncio.Event()

        async def answer() -> None:
            if engine.ids.count(other.id) > 1:
                republished.set()

        engine = Engine()
        async with bench.outbox(engine=engine) as outbox, bench.mailer() as mailer:
            told, other = [await outbox.enqueue(message()) for _ in range(2)]
            engine.answer = answer
            bench.seconds += 20
            worker = bench.worker(mailer, engine=engine, poll=None, sweep_every=0.01)
            async with worker:
                worker.start()
                assert await worker.work(told.id) == "accepted"
                await republished.wait()
            assert await worker.work(other.id) is None, "it was stopped"
            assert (await outbox.status(other.id)).state == "queued"

    asyncio.run(check())


def test_no_email_waits_for_the_ids_of_those_that_expired(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox(lifetime=30) as outbox, bench.mailer() as mailer:
            dead = [await outbox.enqueue(message()) for _ in range(300)]
            bench.seconds += 31
            later = await outbox.enqueue(message(usage="Generic"))
            first = await outbox.enqueue(message())
            worker = bench.worker(mailer)
            ids = [one.id for one in (*dead[:2], later, first)]
            assert await worker.work(ids[0]) is None
            assert bench.provider.mails == [], "only an engine asks for the next one"
            states = [await worker.work_or_next(id_) for id_ in ids]
            assert states == ["accepted", "accepted", None, None]
            assert [mail.usage for mail in bench.provider.mails] == ["SignIn", "Generic"]
            assert await swept(Sweeper(bench.store, every=5, keep=60)) == 0
            assert (await outbox.status(dead[-1].id)).state == "expired"
            another = await outbox.enqueue(message())
            worker.stop()
            assert await worker.work_or_next(another.id) is None
            assert (await outbox.status(another.id)).state == "queued"

    asyncio.run(check())


def test_a_worker_closes_when_what_is_under_way_has_ended(bench: Any) -> None:
    async def check() -> None:
        held = bench.hold()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            async with bench.worker(mailer, poll=None) as worker:
                working = asyncio.create_task(worker.work(ticket.id))
                await held.sending.wait()
                asyncio.get_running_loop().call_soon(held.go_on.set)
            assert (await outbox.status(ticket.id)).state == "accepted"
            assert await working == "accepted"

    asyncio.run(check())


def test_a_worker_sends_no_more_at_a_time_than_it_was_told(bench: Any) -> None:
    async def check() -> None:
        both, go_on = asyncio.Event(), asyncio.Event()
        sending = 0

        async def answer() -> None:
            nonlocal sending
            sending += 1
            assert sending <= 2
            if sending == 2:
                both.set()
            await go_on.wait()
            sending -= 1

        bench.provider.answer = answer
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ids = [(await outbox.enqueue(message())).id for _ in range(5)]
            worker = bench.worker(mailer, poll=None, concurrency=2)
            working = [asyncio.create_task(worker.work(id_)) for id_ in ids]
            await both.wait()
            counts = await outbox.counts()
            assert counts == {"queued": 3, "sending": 2}, "what waits is not claimed"
            go_on.set()
            assert await asyncio.gather(*working) == ["accepted"] * 5

    asyncio.run(check())


def test_what_is_urgent_comes_first_where_emails_wait_for_a_slot(bench: Any) -> None:
    async def check() -> None:
        held = bench.hold()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            news = [(await outbox.enqueue(message(usage="Generic"))).id for _ in range(3)]
            worker = bench.worker(mailer, poll=None, concurrency=1)
            working = [asyncio.create_task(worker.work_or_next(id_)) for id_ in news]
            await held.sending.wait()
            code = (await outbox.enqueue(message())).id
            working.append(asyncio.create_task(worker.work_or_next(code)))
            held.go_on.set()
            assert await asyncio.gather(*working) == ["accepted"] * 4
        usages = [mail.usage for mail in bench.provider.mails]
        assert usages == ["Generic", "SignIn", "Generic", "Generic"]

    asyncio.run(check())


def test_an_email_that_nobody_else_has_is_sent_although_no_next_one_is_found(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_claim: Claim) -> None:
        """Return nothing, as a store whose rows are locked by others."""

    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ids = [(await outbox.enqueue(message())).id for _ in range(3)]
            monkeypatch.setattr(bench.store, "claim_next", nothing)
            worker = bench.worker(mailer, poll=None, concurrency=1)
            working = [asyncio.create_task(worker.work_or_next(id_)) for id_ in ids]
            assert await asyncio.gather(*working) == ["accepted"] * 3

    asyncio.run(check())


def test_a_store_that_fails_is_logged_without_a_word_of_the_message(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(error: Exception) -> None:
        async def fail(*_asked: object) -> None:
            raise error

        for name in ("apply", "claim_next"):
            monkeypatch.setattr(bench.store, name, fail)
        async with bench.mailer() as mailer:
            worker = bench.worker(mailer, poll=None)
            assert await worker.work_or_next("x\nERROR forged line") is None
            assert await worker.work_or_next("i" * 22) is None

    asyncio.run(check(StoreError("Redis is away")))
    assert caplog.text.count("will be published again: Redis is away") == 2
    asyncio.run(check(ValueError("canary")))
    assert caplog.text.count("an email ended in a ValueError") == 2
    assert "forged" not in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_worker_that_stopped_gives_its_slots_back(bench: Any, cancelled: bool) -> None:
    async def check() -> None:
        held = bench.hold()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            tickets = [await outbox.enqueue(message()) for _ in range(3)]
            worker = bench.worker(mailer, concurrency=1)
            running = asyncio.create_task(worker.run())
            await held.sending.wait()
            waiting = asyncio.create_task(worker.work(tickets[1].id))
            await asyncio.sleep(0)
            if cancelled:
                running.cancel()
            worker.stop()
            held.go_on.set()
            await asyncio.gather(running, return_exceptions=True)
            # If the slot were lost, none of these would end.
            assert await waiting is None
            assert await worker.work_or_next(tickets[2].id) is None
            await worker.aclose()
            counts = await outbox.counts()
            assert counts == {"queued": 2, ("unknown" if cancelled else "accepted"): 1}

    asyncio.run(check())


def blocking(bench: Any) -> BlockingWorker:
    @asynccontextmanager
    async def make() -> AsyncIterator[Worker]:
        async with bench.mailer() as mailer:
            yield bench.worker(mailer, poll=None)

    return BlockingWorker(make)


def test_a_blocking_worker_serves_many_threads(bench: Any) -> None:
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox, blocking(bench) as worker:
        ids = [outbox.enqueue(message()).id for _ in range(8)]
        states: list[Any] = []

        def work() -> None:
            states.extend(worker.work(id_) for id_ in ids)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert states.count("accepted") == 8
        assert states.count(None) == 24
        worker.close()
        worker.close()
        assert worker.work(outbox.enqueue(message()).id) == "accepted"


def test_a_blocking_worker_begins_with_several_emails(bench: Any) -> None:
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox, blocking(bench) as worker:
        ids = [outbox.enqueue(message()).id for _ in range(3)]
        begun = [worker.begin(id_) for id_ in (ids[0], "0" * 22, ids[1])]
        # The ID of no email moves the one that waits.
        assert [one.result() for one in begun] == ["accepted"] * 3
        assert worker.begin(ids[2]).result() is None


def test_emails_that_wait_for_a_slot_when_a_worker_closes_stay_queued(bench: Any) -> None:
    sending = threading.Event()

    async def answer() -> None:
        sending.set()

    bench.provider.answer = answer
    made: list[Worker] = []

    @asynccontextmanager
    async def make() -> AsyncIterator[Worker]:
        async with bench.mailer() as mailer:
            made.append(bench.worker(mailer, poll=None, concurrency=1))
            yield made[-1]

    worker = BlockingWorker(make)
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox:
        begun = [worker.begin(outbox.enqueue(message()).id) for _ in range(20)]
        assert sending.wait(60)
        worker.close()
        states = [one.result() for one in begun]
        assert len(made) == 1, "a worker was made while the other one ended"
        counts = outbox.counts()
    assert states.count("accepted") == counts["accepted"] == len(bench.provider.mails)
    assert states.count(None) == counts.get("queued", 0) == 20 - counts["accepted"]


def test_a_worker_that_cannot_be_made_is_made_by_a_later_call(bench: Any) -> None:
    failures = [OSError("no settings"), OSError("none yet")]
    mailer = bench.mailer

    def failing() -> Any:
        if failures:
            raise failures.pop()
        return mailer()

    bench.mailer = failing
    worker = blocking(bench)
    with pytest.raises(OSError, match="none yet"):
        worker.start()
    with pytest.raises(OSError, match="no settings"):
        worker.work("1")
    with worker:
        assert worker.work("1") is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_has_a_worker_of_its_own(bench: Any) -> None:
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox, blocking(bench) as worker:
        first, second = [outbox.enqueue(message()).id for _ in range(2)]
        child = os.fork()
        if child == 0:
            # Nothing of pytest's may run in the child.
            try:
                with worker:
                    os._exit(0 if worker.work(first) == "accepted" else 1)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert worker.work(first) is None
        assert worker.work(second) == "accepted"


def test_a_sweep_does_not_ask_an_engine_that_rests(bench: Any) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async def check() -> None:
        engine = Engine(hang)
        publisher = Publisher(engine, 0.01, 15.0)
        sweeps = Sweeper(bench.store, every=5, keep=60, publisher=publisher)
        async with bench.outbox() as outbox:
            for _ in range(30):
                await outbox.enqueue(message())
            assert await swept(sweeps) == 0
            asked, left = len(engine.told), await bench.store.stale(100)
            assert left
            assert await swept(sweeps) == 0
            assert len(engine.told) == asked
            assert await bench.store.stale(100) == left, "they were put off, and nobody was told"

    asyncio.run(check())


def test_emails_that_become_overdue_during_a_sweep_hold_no_others_up(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge, stale = bench.store.purge, bench.store.stale
    looks = 0

    async def take_long(**wishes: Any) -> Any:
        bench.seconds += 20
        return await purge(**wishes)

    async def look(limit: int) -> Any:
        nonlocal looks
        looks += 1
        return await stale(limit)

    async def check() -> None:
        engine = Engine()
        # More than are published at a time.
        async with bench.outbox(lifetime=30) as outbox:
            for _ in range(25):
                await outbox.enqueue(message())
        async with bench.outbox() as outbox:
            good = await outbox.enqueue(message())
            bench.seconds += 20
            monkeypatch.setattr(bench.store, "purge", take_long)
            monkeypatch.setattr(bench.store, "stale", look)
            assert await swept(sweeper(bench, engine)) == 1
            assert engine.ids == [good.id]
            assert looks == 3
            assert await outbox.counts() == {"expired": 25, "queued": 1}

    asyncio.run(check())


def test_what_is_under_way_ends_with_the_loop() -> None:
    sending = threading.Event()

    async def answer() -> None:
        sending.set()
        await asyncio.Event().wait()

    thread = LoopThread("test")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            thread.run(answer())
        except concurrent.futures.CancelledError as error:
            ended.append(error)

    async def last() -> None:
        pass

    waiting = threading.Thread(target=wait)
    waiting.start()
    sending.wait()
    thread.stop(last())
    waiting.join()
    assert len(ended) == 1


def test_times_of_an_engine_are_positive(bench: Any) -> None:
    for wrong in ({"publish_timeout": 0}, {"republish": -1}):
        with pytest.raises(ValueError, match="greater than 0"):
            bench.outbox(engine=Engine(), **wrong)


def test_a_republished_email_is_logged(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "passpost.outbox")

    async def check() -> None:
        async with bench.outbox() as outbox:
            await outbox.enqueue(message())
            await swept(sweeper(bench, Engine()))

    asyncio.run(check())
    assert "1 published again" in caplog.text
