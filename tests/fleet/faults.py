"""What happens to a fleet: each function is a row of the table."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from statistics import median
from typing import Any, Final

import attrs
from kombu import Connection, Exchange, Queue

from passpost_outbox import Keys, OutboxStore, Record

from .machines import RedisServer
from .run import PATIENCE, Run

OFTEN: Final = 100
"""How often one ID is delivered."""

SPAN: Final = 50.0
"""Seconds that emails live, less than by which clocks are wrong."""

LAST: Final = 1.0
"""Seconds for which workers send before a deadline."""


async def workers_killed(run: Run) -> None:
    faults = max(2, run.emails // 500)
    run.start_workers()
    async with run.load():
        for number in range(faults):
            await run.arrived((number + 1) / (faults + 2))
            run.kill(run.workers[0])
            run.start_worker()


async def points_of_death(run: Run, points: tuple[str, ...]) -> None:
    dying = [run.start_worker(death=(point, 3)) for point in points]
    async with run.load():
        for worker in dying:
            await asyncio.to_thread(run.died, worker)
            if len(run.workers) < run.size.workers:
                run.start_worker()


async def workers_stopped(run: Run) -> None:
    faults = max(1, run.emails // 2000)
    run.start_workers()
    async with run.load():
        for number in range(faults):
            await run.arrived((number + 1) / (faults + 2))
            stopped = run.workers.pop(0)
            stopped.send_signal(signal.SIGTERM)
            run.start_worker()
            assert await asyncio.to_thread(stopped.wait, PATIENCE) == 0, run.log()


async def broker_killed(run: Run, *, forgets: bool) -> None:
    assert run.broker is not None
    run.start_workers()
    async with run.load():
        await run.arrived(1 / 3)
        await asyncio.to_thread(run.broker.kill)
        if forgets:
            run.broker.forget()
        await run.enqueued(20)
        await asyncio.to_thread(run.broker.start)


async def broker_silent(run: Run, seconds: float, *, there: bool = True) -> None:
    assert run.proxy is not None
    run.start_workers()
    async with run.load(rate=run.emails / (seconds + 4)):
        await run.arrived(1 / 4)
        run.proxy.go_silent(there=there)
        # As long as the fault lasts.
        await asyncio.sleep(seconds)
        run.proxy.go_on()


async def broker_cut(run: Run, seconds: float) -> None:
    assert run.proxy is not None
    run.start_workers()
    async with run.load(rate=run.emails / (seconds + 4)):
        await run.arrived(1 / 4)
        run.proxy.cut()
        await asyncio.sleep(seconds)
        run.proxy.go_on()


async def store_killed(run: Run) -> None:
    run.start_workers()
    async with run.load():
        for share in (1 / 4, 1 / 2):
            await run.arrived(share)
            await asyncio.to_thread(run.server.kill)
            run.all_in_doubt()
            await asyncio.to_thread(run.server.start)


async def power_failure(run: Run) -> None:
    server: object = run.server
    assert isinstance(server, RedisServer)
    run.start_workers()
    async with run.load(rate=100):
        await run.arrived(3 / 4)
        await asyncio.to_thread(run.server.kill)
        run.all_in_doubt()
        server.program.lose_last_second()
        await asyncio.to_thread(run.server.start)


async def store_silent(run: Run, *, longer: bool) -> None:
    run.start_workers()
    async with run.load():
        await run.arrived(1 / 3)
        await asyncio.to_thread(run.server.pause)
        if longer:
            run.all_in_doubt()
        await asyncio.sleep(run.lease + 2 if longer else run.lease / 4)
        await asyncio.to_thread(run.server.go_on)


async def each_is_long(run: Run) -> None:
    run.emails //= 10
    run.start_workers()
    async with run.load():
        pass


async def duplicates(run: Run) -> None:
    engine = run.engine
    assert engine is not None
    ids = await run.enqueue(run.emails)
    for id_ in ids + ids[:1] * OFTEN:
        await engine.publish(id_, seconds_left=60, priority=10)
    run.start_workers()
    await run.settle()


async def clocks_apart(run: Run) -> None:
    for number in range(run.size.workers):
        run.start_worker(clock=("+60s", "-60s")[number % 2])
    early = await run.enqueue(run.emails // 2, rate=150, left=SPAN)
    await run.settle()
    run.pause_workers()
    seconds = 2.0 + run.emails / 500
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    await run.enqueue(run.emails // 2, deadline=deadline, least=2 * LAST)
    # One deadline of all of them passes while these are sent.
    await asyncio.sleep((deadline - dt.datetime.now(dt.UTC)).total_seconds() - LAST)
    run.all_in_doubt()
    run.resume_workers()
    await run.settle()
    records = await run.records()
    # A busy machine may send too slowly, but no wrong clock ends an email before its deadline.
    failed = [record for id_ in early if (record := records[id_]).state != "accepted"]
    assert [one for one in failed if (one.finished_at or 0) < one.deadline] == []
    assert len(failed) < len(early)


async def long_outage(run: Run) -> None:
    run.start_workers()
    await run.enqueue(run.size.workers * run.concurrency)
    await run.settle()
    run.pause_workers()
    old = await run.enqueue(run.emails, left=1.0 + run.emails / 1000)
    records = await run.records()
    last = max(records[id_].deadline for id_ in old)
    while await run.store.now() < last:  # noqa: ASYNC110 - a clock tells nobody
        await asyncio.sleep(0.05)
    run.resume_workers()
    new = await run.enqueue(20)
    await run.settle()
    records = await run.records()
    assert {records[id_].state for id_ in old} == {"expired"}
    assert {records[id_].state for id_ in new} == {"accepted"}
    waited = median((records[id_].finished_at or 0) - records[id_].queued_at for id_ in new)
    print(f"after an outage, new emails waited for {waited / 1000:.2f} s")  # noqa: T201 - pytest -s shows it
    assert waited < 1000 or not run.size.long


class Forger:
    """A store to which someone else writes the bodies."""

    def __init__(self, store: OutboxStore, forge: Callable[[bytes], bytes]) -> None:
        self._store = store
        self._forge = forge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, record: Record, body: bytes, **options: Any) -> Record:
        return await self._store.put(record, self._forge(body), **options)


async def keys_change(run: Run) -> None:
    run.start_workers()
    kept: list[bytes] = []

    def moved(body: bytes) -> bytes:
        kept.append(body)
        return kept[0]

    def flipped(body: bytes) -> bytes:
        return body[:-1] + bytes((body[-1] ^ 1,))

    keys = Keys.from_folder(run.keys)
    await run.enqueue(1, run.new_outbox(Forger(run.store, moved), keys))
    async with run.load():
        await run.arrived(1 / 3)
        run.add_key("2026-12")
        few = max(5, run.emails // 100)
        unknown = await run.enqueue(
            few, run.new_outbox(run.store, Keys({"other": os.urandom(32)}, use="other"))
        )
        forged = [
            id_
            for forge in (moved, flipped)
            for id_ in await run.enqueue(few, run.new_outbox(Forger(run.store, forge), keys))
        ]
    records = await run.records()
    reasons = {id_: record.reason for id_, record in records.items() if record.state == "rejected"}
    assert reasons == dict.fromkeys(unknown, "key") | dict.fromkeys(forged, "damaged")


async def older_messages(run: Run) -> None:
    """Only these messages bring the IDs: nothing is published, and nobody sweeps in time."""
    assert run.broker is not None
    engine: Any = run.engine
    run.engine = None
    ids = await run.enqueue(run.emails, run.new_outbox(run.store, Keys.from_folder(run.keys)))
    run.engine = engine
    queue = engine._queue
    with Connection(run.broker.url()) as connection:
        producer = connection.Producer(serializer="json")
        for id_ in ids:
            publish_first_version(producer, queue, id_)
    run.start_worker()
    await run.settle()


def publish_first_version(producer: Any, queue: Queue, id_: str) -> None:
    """Publish an ID as the first version of passpost-celery did. This never changes."""
    exchange = Exchange(queue.exchange.name, "direct", durable=True)
    producer.publish(
        [[id_], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
        exchange=exchange, routing_key=queue.routing_key, declare=[queue],
        headers={
            "lang": "py", "task": "passpost.send", "id": f"{id_}.0", "root_id": f"{id_}.0",
            "parent_id": None, "group": None, "argsrepr": "(id,)", "kwargsrepr": "{}",
            "retries": 0, "ignore_result": True,
        },
        correlation_id=f"{id_}.0",
    )  # fmt: skip


@attrs.frozen
class Row:
    """A row of the table.

    Attributes:
        happen: What happens.
        options: Those of `Run`.
        promised: Whether nothing may be lost or doubled; otherwise the row says how many.
    """

    happen: Callable[[Run], Awaitable[None]]
    options: Mapping[str, Any] = {}
    promised: bool = True


_SILENT: Final[Mapping[str, Any]] = {"proxied": "all"}
_WITHIN: Final = ("unclaimed", "claimed", "sent", "finished")

ROWS: Final[Mapping[str, Row]] = {
    "workers killed": Row(workers_killed),
    "killed at each point": Row(partial(points_of_death, points=_WITHIN)),
    "killed right after BRPOP": Row(partial(points_of_death, points=("popped", "sent"))),
    "SIGTERM": Row(workers_stopped),
    "broker killed": Row(partial(broker_killed, forgets=False)),
    "broker loses its disk": Row(partial(broker_killed, forgets=True)),
    "broker silent for 3 s": Row(partial(broker_silent, seconds=3), _SILENT),
    "broker silent for 60 s": Row(partial(broker_silent, seconds=60), _SILENT),
    "broker silent for 120 s": Row(partial(broker_silent, seconds=120), _SILENT),
    "broker's replies held for 60 s": Row(partial(broker_silent, seconds=60, there=False), _SILENT),
    "broker's connections cut": Row(partial(broker_cut, seconds=2), _SILENT),
    "broker silent for web": Row(partial(broker_silent, seconds=6), {"proxied": "web"}),
    "store killed": Row(store_killed),
    "store silent": Row(partial(store_silent, longer=False)),
    "store silent for longer than a lease": Row(partial(store_silent, longer=True)),
    "power failure with everysec": Row(power_failure, promised=False),
    "visibility timeout shorter than a send": Row(
        each_is_long,
        {
            "pause": 2.0,
            "celery_settings": {"broker_transport_options": {"visibility_timeout": 1}},
        },
    ),
    "each ID twice, one 100 times": Row(duplicates),
    "clocks 60 s apart": Row(clocks_apart),
    "outage longer than deadlines": Row(long_outage),
    "keys change, bodies are forged": Row(keys_change),
    "messages of the first version": Row(
        older_messages, {"worker": {"sweep_every": 600.0, "republish": 600.0}}
    ),
}
