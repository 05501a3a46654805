"""What does an email cost in an outbox where many others wait?

    python bench/bench_outbox_growth.py [--quick] [--only STORE]

Each store is filled with emails that wait: none, 100,000 and 1,000,000. Then some are enqueued,
claimed and finished, one after the other. CPU counts, of this process and of the store, because
others may use the machine: the least of several rounds. ``ms`` is the median of the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
import outbox_processes as processes
import outbox_servers  # noqa: F401 - finds the servers of the tests
import psycopg
from goals import Goals, machine, run
from postgres_program import PostgresProgram

from passpost_outbox import Claim, Finish, OutboxStore, Record, Result, SqliteStore, redis_scripts
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram

WAITING: Final = (0, 100_000, 1_000_000)
ROUNDS: Final = 5
EMAILS: Final = 200
LEASE: Final = 36_000_000
MOST: Final = 1.5
MICROSECONDS: Final = 1e6
BODY: Final = secrets.token_bytes(250)
DONE: Final = Result(state="accepted", connector="primary", message_id="<1@example.com>")
COLUMNS: Final = [
    "ticket",
    "state",
    "usage",
    "priority",
    "deadline",
    "publish_at",
    "recipient",
    "record",
    "body",
]
_PART: Final = 1000

Fill = Callable[[int], None]


@attrs.frozen
class Cost:
    """What an email cost, from enqueuing to its end.

    Attributes:
        cpu: Microseconds of CPU, of this process and of the store.
        clock: Milliseconds.
    """

    cpu: float
    clock: float


def record(now: int) -> Record:
    """Return a new record."""
    return Record(
        id=secrets.token_urlsafe(16), usage="SignIn", priority=10, queued_at=now,
        deadline=now + LEASE, recipient=secrets.token_hex(32), shown="a…@example.com",
        fingerprint=secrets.token_hex(32), publish_at=now,
    )  # fmt: skip


def row(now: int) -> tuple[Any, ...]:
    """Return the columns of a new record, and its body."""
    one = record(now)
    facts = (one.id, one.state, one.usage, one.priority, one.deadline, one.publish_at)
    return (*facts, one.recipient, json.dumps(one.as_json()), BODY)


@contextmanager
def sqlite(folder: Path) -> Iterator[tuple[OutboxStore, Fill]]:
    """Return a file, and what fills it."""
    path = folder / "outbox.sqlite"

    def fill(number: int) -> None:
        now = int(time.time() * 1000)
        marks = ", ".join("?" * len(COLUMNS))
        insert = f"INSERT INTO outbox ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - of the names above
        with sqlite3.connect(path) as connection:
            connection.executemany(insert, (row(now) for _ in range(number)))
        connection.close()

    yield SqliteStore(path), fill


@contextmanager
def redis(folder: Path) -> Iterator[tuple[OutboxStore, Fill]]:
    """Run a server, and return what fills it."""
    program = RedisProgram(folder, fsync="everysec")
    program.start()

    def fill(number: int) -> None:
        with program.client() as client:
            sha = client.script_load(redis_scripts.PUT)
            now = int(client.time()[0]) * 1000
            for begin in range(0, number, _PART):
                pipeline = client.pipeline(transaction=False)
                for _ in range(min(_PART, number - begin)):
                    one = record(now)
                    text = "00000000" + json.dumps(one.as_json())
                    pipeline.evalsha(sha, 1, "passpost:{outbox}", one.id, text, "b" * 336, "", "")
                pipeline.execute()

    try:
        yield RedisStore(program.url, durability="everysec", timeout=30), fill
    finally:
        program.kill()


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[OutboxStore, Fill]]:
    """Run a server, and return what fills it."""
    del folder
    with PostgresProgram() as program:

        def fill(number: int) -> None:
            with psycopg.connect(program.url) as connection:
                copy = f"COPY passpost_outbox ({', '.join(COLUMNS)}) FROM STDIN"
                now = int(time.time() * 1000)
                with connection.cursor() as cursor, cursor.copy(copy.encode()) as into:
                    for _ in range(number):
                        into.write_row(row(now))
            # Autovacuum would do it a minute later.
            with psycopg.connect(program.url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE passpost_outbox")
                connection.execute("CHECKPOINT")

        yield PostgresStore(program.url, timeout=30), fill


STORES: Final = {"sqlite": sqlite, "redis": redis, "postgres": postgres}


async def cost(store: OutboxStore, servers: Callable[[], float]) -> Cost:
    """Return what an email costs: the least CPU of several rounds, and the median time."""
    cpus, clocks = [], []
    await _some(store)
    for _round in range(ROUNDS):
        cpu, began = time.process_time() + servers(), time.perf_counter()
        await _some(store)
        cpus.append(time.process_time() + servers() - cpu)
        clocks.append(time.perf_counter() - began)
    await store.aclose()
    return Cost(min(cpus) / EMAILS * MICROSECONDS, median(clocks) / EMAILS * 1000)


async def _some(store: OutboxStore) -> None:
    for _ in range(EMAILS):
        await store.put(record(await store.now()), BODY)
        change = await store.claim_next(Claim(secrets.token_hex(8), LEASE))
        assert change is not None
        owner = change.record.owner
        assert owner is not None
        assert await store.apply(change.record.id, Finish(owner, DONE)) is not None


def measure(name: str, sizes: tuple[int, ...], goals: Goals) -> None:
    """Measure one store with more and more emails waiting."""
    with TemporaryDirectory() as folder, STORES[name](Path(folder)) as (store, fill):
        pids = processes.children()
        first: Cost | None = None
        waiting = 0
        for size in sizes:
            if size > waiting:
                fill(size - waiting)
                waiting = size
            found = asyncio.run(cost(store, lambda: processes.cpu_of(*pids)))
            first = first or found
            ratio = found.cpu / first.cpu
            shown = f"{name:<10}{size:>10,} waiting {found.cpu:>8,.0f} µs of CPU (x{ratio:.2f})"
            print(f"{shown} {found.clock:>8.2f} ms; {machine()}", flush=True)
            goals.at_most(f"{name}, {size:,} waiting, x none", ratio, MOST)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The cost of an email while others wait.")
    parser.add_argument("--quick", action="store_true", help="up to 100,000 emails")
    parser.add_argument("--only", choices=STORES, help="one store")
    options = parser.parse_args()
    goals = Goals()
    for name in STORES if options.only is None else (options.only,):
        measure(name, WAITING[:2] if options.quick else WAITING, goals)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
