"""Measure the outbox in Redis: its steps with each durability, and what crashes leave.

``python bench/outbox_redis.py [durability|crashes]``. ``REDIS_SERVER`` names another
program than that of the path: Redis 7.2 or newer has the durability ``waitaof``.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from passpost.stores import StoreError
from passpost_outbox import Claim, Finish, Record, Result
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram

PROGRAM: Final = os.environ.get("REDIS_SERVER")
BODY: Final = secrets.token_bytes(250)
LEASE: Final = 3_600_000
AT_A_TIME: Final = 50
DONE: Final = Result(state="accepted", connector="primary", message_id="<1@example.com>")


def record(now: int) -> Record:
    """Return a new record."""
    return Record(
        id=secrets.token_urlsafe(16), usage="SignIn", priority=10, queued_at=now,
        deadline=now + LEASE, recipient=secrets.token_hex(32), shown="a…@example.com",
        fingerprint=secrets.token_hex(32), publish_at=now,
    )  # fmt: skip


@contextmanager
def server(fsync: str) -> Iterator[RedisProgram]:
    """Run a server with an ``appendfsync``."""
    with tempfile.TemporaryDirectory() as folder:
        program = RedisProgram(Path(folder), fsync=fsync, program=PROGRAM)
        program.start()
        try:
            yield program
        finally:
            program.kill()


async def put(store: RedisStore) -> str:
    """Enqueue an email, and return its ID."""
    return (await store.put(record(await store.now()), BODY)).id


async def claim(store: RedisStore) -> str:
    """Claim an email, and return its ID and owner."""
    change = await store.claim_next(Claim(secrets.token_hex(8), LEASE))
    assert change is not None
    owner = change.record.owner
    assert owner is not None
    return f"{change.record.id} {owner}"


async def finish(store: RedisStore, claimed: str) -> None:
    """End what was claimed."""
    id_, owner = claimed.split()
    assert await store.apply(id_, Finish(owner, DONE)) is not None


async def median(times: int, step: Callable[[], Awaitable[Any]]) -> tuple[float, list[Any]]:
    """Return the median of the microseconds that an operation took, and what it returned."""
    took, found = [], []
    for _ in range(times):
        began = time.perf_counter()
        found.append(await step())
        took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took), found


async def steps(program: RedisProgram, store: RedisStore, times: int) -> dict[str, float]:
    """Return the microseconds of each operation, and those of them that Redis computed."""
    found: dict[str, float] = {}
    made: list[Any] = []
    left: Iterator[str] = iter(())
    await median(50, lambda: put(store))
    todo = {
        "enqueue": lambda: put(store),
        "claim": lambda: claim(store),
        "finish": lambda: finish(store, next(left)),
    }
    for name, step in todo.items():
        left = iter(made)
        with program.client() as client:
            client.config_resetstat()
            found[name], made = await median(times, step)
            stats = client.info("commandstats")["cmdstat_evalsha"]
            found[f"{name} in Redis"] = stats["usec"] / times
    return found


async def together(number: int, step: Callable[[], Awaitable[Any]]) -> tuple[float, list[Any]]:
    """Return how many operations a second were done at once, and what they returned."""
    found: list[Any] = []

    async def work() -> None:
        found.extend([await step() for _ in range(number // AT_A_TIME)])

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_A_TIME)))
    return number / (time.perf_counter() - began), found


def durability() -> None:
    """Measure each durability."""
    kinds = [("everysec", "everysec"), ("always", "always")]
    if PROGRAM:
        kinds.append(("everysec", "waitaof"))
    print(f"per second in one process, {AT_A_TIME} at a time; and one at a time in microseconds")
    for fsync, kind in kinds:
        with server(fsync) as program:
            asyncio.run(speed(program, kind))


async def speed(program: RedisProgram, kind: Any) -> None:
    """Print how fast one durability is."""
    store = RedisStore(program.url, durability=kind, timeout=30)
    number = 500 if kind == "waitaof" else 5000
    enqueued, _ = await together(number, lambda: put(store))
    claimed, claims = await together(number, lambda: claim(store))
    left = iter(claims)
    finished, _ = await together(number, lambda: finish(store, next(left)))
    single = await steps(program, store, 5 if kind == "waitaof" else 500)
    print(
        f"{kind:>9}: enqueue {enqueued:,.0f}/s  claim {claimed:,.0f}/s  finish {finished:,.0f}/s; "
        + "  ".join(f"{name} {took:,.0f}" for name, took in single.items()),
        flush=True,
    )
    await store.aclose()


class Load:
    """Enqueues and claims until the server fails."""

    def __init__(self, url: str, kind: Any) -> None:
        self.store = RedisStore(url, durability=kind, timeout=30)
        self.stored: list[str] = []
        self.claimed: list[str] = []

    async def enqueue(self) -> None:
        """Enqueue emails for ever."""
        while True:
            self.stored.append(await put(self.store))

    async def claim(self) -> None:
        """Claim emails for ever."""
        while True:
            change = await self.store.claim_next(Claim(secrets.token_hex(8), LEASE))
            if change is None:
                await asyncio.sleep(0.001)
            else:
                self.claimed.append(change.record.id)

    async def run(self, seconds: float, end: Callable[[], None]) -> None:
        """Do both for a time, and then end the server."""
        tasks = [asyncio.create_task(step()) for step in (self.enqueue, self.claim) * 10]
        await asyncio.sleep(seconds)
        end()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in ended} == {StoreError}, ended

    async def count(self) -> tuple[int, int]:
        """Return how many emails were lost, and how many were claimed more than once."""
        while (change := await self.store.claim_next(Claim("last", LEASE))) is not None:
            self.claimed.append(change.record.id)
        lost = len(set(self.stored) - set(self.claimed))
        return lost, sum(number > 1 for number in Counter(self.claimed).values())


async def crash(program: RedisProgram, kind: str, *, power: bool) -> str:
    """Kill a server under load, and return what was lost."""
    load = Load(program.url, kind)
    await load.run(3.3, program.kill)
    if power:
        program.lose_last_second()
    program.start()
    claimed = len(load.claimed)
    lost, doubled = await load.count()
    await load.store.aclose()
    return f"enqueued {len(load.stored):,}  claimed {claimed:,}  lost {lost:,}  doubled {doubled:,}"


def crashes() -> None:
    """Measure what each durability loses."""
    for fsync, power in (("always", False), ("everysec", False), ("everysec", True)):
        for _ in range(3):
            with server(fsync) as program:
                found = asyncio.run(crash(program, fsync, power=power))
            how = "power failure (last second cut)" if power else "kill -9"
            print(f"{fsync:>9}, {how}: {found}", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("durability", "crashes"):
        globals()[name]()
