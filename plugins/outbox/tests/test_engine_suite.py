"""The contract of engines: the engine without a broker keeps it, and others are noticed."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

import passpost
from passpost_outbox import BlockingWorker, SqliteStore, Worker
from passpost_outbox.testing import EngineSetup, MemoryEngine, OutboxEngineSuite


class Setup:
    """The engine without a broker, and a thread that delivers what it has."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.engine = MemoryEngine()
        self.store = SqliteStore(bench.path)
        self.keys = bench.keys

    @contextmanager
    def workers(self) -> Iterator[None]:
        @asynccontextmanager
        async def make() -> AsyncIterator[Worker]:
            async with self.bench.mailer() as mailer:
                yield Worker(
                    self.store, self.keys, mailer, engine=self.engine, poll=None, sweep_every=0.5,
                    republish=1,
                )  # fmt: skip

        over = threading.Event()

        def deliver(worker: BlockingWorker) -> None:
            while not over.wait(0.01):
                while self.engine.ids:
                    worker.work(self.engine.ids.popleft())

        with BlockingWorker(make) as worker:
            thread = threading.Thread(target=deliver, args=(worker,))
            thread.start()
            yield
            over.set()
            thread.join()

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        self.engine.fails = True
        self.engine.ids.clear()
        yield
        self.engine.fails = False

    def queued(self) -> bytes:
        return "\n".join(self.engine.ids).encode()

    def sent(self) -> Counter[str]:
        return Counter(mail.to.address for mail in self.bench.provider.mails)


class TestMemoryEngine(OutboxEngineSuite):
    @pytest.fixture
    def setup(self, bench: Any) -> EngineSetup:
        return Setup(bench)


class TalkativeEngine(MemoryEngine):
    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        await super().publish(f"{id_} canary@example.com", seconds_left=seconds_left, priority=0)


class DeafEngine(MemoryEngine):
    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        pass


@pytest.mark.parametrize("engine", [TalkativeEngine(), DeafEngine()])
def test_the_suite_notices_what_a_queue_has(bench: Any, engine: MemoryEngine) -> None:
    setup = Setup(bench)
    setup.engine = engine
    with pytest.raises(AssertionError):
        OutboxEngineSuite().test_the_broker_has_the_id_alone(setup)


def test_an_application_tests_with_the_engine(bench: Any) -> None:
    async def check() -> None:
        engine = MemoryEngine()
        async with bench.outbox(engine=engine) as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(
                passpost.Message("ada@example.com", "SignIn", {"code": "1"})
            )
            await engine.deliver(bench.worker(mailer))
            assert (await ticket.wait(0)).state == "accepted"

    asyncio.run(check())
