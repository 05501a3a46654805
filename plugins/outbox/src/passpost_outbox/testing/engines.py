"""The contract of engines, as tests, and an engine for the tests of applications."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Final, Protocol

from passpost import Message
from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox.engine import AGAIN, PATIENCE, Engine, Publisher
from passpost_outbox.keys import Keys
from passpost_outbox.outbox import Outbox, Ticket
from passpost_outbox.store import OutboxStore
from passpost_outbox.worker import Worker

_ = Phrases("passpost_outbox")

_PATIENCE: Final = 60.0
_MANY: Final = 10
_OFTEN: Final = 20
_NUMBERS: Final = count()
_CANARIES: Final = ("493817", "canary", "example.com", "SignIn")


class MemoryEngine:
    """An engine without a broker, for tests of an application.

    ::

        engine = MemoryEngine()
        outbox = AsyncOutbox(store, keys, secret=secret, engine=engine)
        ...
        await engine.deliver(worker)

    Attributes:
        ids: What was published, and not delivered yet.
        fails: Whether publishing fails, as that of a broker that cannot be reached.
    """

    def __init__(self) -> None:
        self.ids: deque[str] = deque()
        self.fails = False

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:  # noqa: ARG002 - those of the protocol
        """Keep an ID; see `Engine.publish`.

        Raises:
            StoreError: `fails` is set.
        """
        if self.fails:
            raise StoreError(_("the engine fails, as the test wishes"))
        self.ids.append(id_)

    async def deliver(self, worker: Worker) -> None:
        """Let a worker send all that was published."""
        while self.ids:
            await worker.work_or_next(self.ids.popleft())


class EngineSetup(Protocol):
    """An engine with its broker and workers, as the suite uses them."""

    @property
    def engine(self) -> Engine:
        """The engine."""
        ...

    @property
    def store(self) -> OutboxStore:
        """The store of the emails, which the workers use as well."""
        ...

    @property
    def keys(self) -> Keys:
        """Their keys."""
        ...

    def workers(self) -> AbstractContextManager[object]:
        """Run workers within a context.

        They have ``poll=None``, ``sweep_every=0.5`` and ``republish=1``, so that no test waits for
        long, and a template for each usage.
        """
        ...

    def without_broker(self) -> AbstractContextManager[object]:
        """Let nobody reach the broker within a context. What it has may be lost."""
        ...

    def queued(self) -> bytes:
        """Return what the broker has in memory or on disk of messages that no worker has taken."""
        ...

    def sent(self) -> Mapping[str, int]:
        """Return how many emails each address got."""
        ...


class OutboxEngineSuite:
    """What each engine does. The fixture `setup` returns a new `EngineSetup`."""

    def test_each_email_reaches_a_worker(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox, setup.workers():
            tickets = [_enqueue(outbox) for _number in range(_MANY)]
            _require_accepted(tickets)
        assert sorted(setup.sent().values()) == [1] * _MANY

    def test_what_waits_is_sent_when_workers_come(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox:
            tickets = [_enqueue(outbox) for _number in range(_MANY)]
            with setup.workers():
                _require_accepted(tickets)

    def test_an_id_that_comes_often_is_sent_once(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox:
            # The same key is published each time, and stored once.
            tickets = [_enqueue(outbox, "one", key="key") for _time in range(_OFTEN)]
            with setup.workers():
                _require_accepted([*tickets, _enqueue(outbox)])
        assert setup.sent()["one@example.com"] == 1

    def test_an_id_that_is_not_in_the_store_does_no_harm(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox, setup.workers():
            asyncio.run(_publish(setup.engine, "none"))
            _require_accepted([_enqueue(outbox)])

    def test_the_broker_has_the_id_alone(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox:
            ticket = _enqueue(outbox, "canary")
            found = setup.queued()
            assert ticket.id.encode() in found, "the broker does not have the message"
            assert [canary for canary in _CANARIES if canary.encode() in found] == []

    def test_a_broker_that_is_gone_loses_no_email(self, setup: EngineSetup) -> None:
        with _outbox(setup) as outbox:
            with setup.without_broker():
                # The test ends, so none of them waited for ever.
                tickets = [_enqueue(outbox) for _number in range(3)]
                states = [ticket.wait(0) for ticket in tickets]
                assert {state.state for state in states if state is not None} == {"queued"}
            with setup.workers():
                _require_accepted(tickets)


@contextmanager
def _outbox(setup: EngineSetup) -> Iterator[Outbox]:
    engine = setup.engine
    with Outbox(setup.store, setup.keys, secret=b"s" * 16, engine=engine, republish=1) as outbox:
        yield outbox


async def _publish(engine: Engine, id_: str) -> None:
    # Closed as an outbox does it: the event loop ends.
    publisher = Publisher(engine, PATIENCE, AGAIN)
    await engine.publish(id_, seconds_left=60, priority=50)
    await publisher.aclose()


def _enqueue(outbox: Outbox, name: str = "", key: str | None = None) -> Ticket:
    name = name or f"user{next(_NUMBERS)}"
    payload = {"code": "493817"}
    return outbox.enqueue(Message(f"{name}@example.com", "SignIn", payload, idempotency_key=key))


def _require_accepted(tickets: list[Ticket]) -> None:
    found = [ticket.wait(_PATIENCE) for ticket in tickets]
    states = ["missing" if status is None else status.state for status in found]
    assert states == ["accepted"] * len(tickets)
