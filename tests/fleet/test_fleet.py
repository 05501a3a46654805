"""Faults of workers, brokers and stores: nothing is lost, doubled or late.

``make fleet`` runs each row with each fleet for which it has a meaning, with 20,000 emails and 4
workers: ``PASSPOST_FLEET=4x20000``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .faults import ROWS
from .machines import Machines
from .run import Counts, Run, Size

FLEETS = {
    "worker+sqlite": ("worker", "sqlite"),
    "worker+redis": ("worker", "redis"),
    "worker+postgres": ("worker", "postgres"),
    "celery+redis": ("celery+redis", "redis"),
    "celery+rabbitmq": ("celery+rabbitmq", "postgres"),
    "procrastinate": ("procrastinate", "postgres"),
    "everysec": ("worker", "everysec"),
}
# The short form: each fault and each fleet once at least.
SHORT = [
    ("worker+sqlite", "workers killed"),
    ("worker+sqlite", "keys change, bodies are forged"),
    ("worker+redis", "store silent for longer than a lease"),
    ("worker+redis", "killed at each point"),
    ("worker+redis", "outage longer than deadlines"),
    ("everysec", "power failure with everysec"),
    ("worker+postgres", "clocks 60 s apart"),
    ("celery+redis", "killed right after BRPOP"),
    ("celery+redis", "broker silent for 3 s"),
    ("celery+redis", "visibility timeout shorter than a send"),
    ("celery+rabbitmq", "broker loses its disk"),
    ("celery+rabbitmq", "broker silent for web"),
    ("celery+rabbitmq", "messages of the first version"),
    ("procrastinate", "SIGTERM"),
    ("procrastinate", "store killed"),
    ("procrastinate", "each ID twice, one 100 times"),
]
GIVEN = os.environ.get("PASSPOST_FLEET", "")
LONG = bool(GIVEN)
WORKERS, EMAILS = map(int, (GIVEN or "2x120").split("x"))


def has_meaning(fleet: str, row: str) -> bool:
    """Return whether a row of the long form can happen to a fleet."""
    if (fleet == "everysec") != (row == "power failure with everysec"):
        return False
    if row in {"killed right after BRPOP", "visibility timeout shorter than a send"}:
        return fleet == "celery+redis"
    if row in {"store killed", "clocks 60 s apart"}:
        # Its clock is that of the machine, and it has no server.
        return fleet != "worker+sqlite"
    if row == "messages of the first version" or "broker" in row:
        return fleet.startswith("celery")
    if row == "each ID twice, one 100 times":
        return not fleet.startswith("worker")
    return True


CASES = [(fleet, row) for fleet in FLEETS for row in ROWS if has_meaning(fleet, row)]


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("machines"))
    yield found
    found.close()


@pytest.mark.parametrize(("fleet", "row"), CASES if LONG else SHORT)
def test_nothing_is_lost_doubled_or_late(
    fleet: str,
    row: str,
    machines: Machines,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    asked = ROWS[row]

    async def main() -> Counts:
        size = Size(WORKERS, EMAILS, long=LONG)
        async with Run(machines, tmp_path, *FLEETS[fleet], size, **asked.options) as run:
            await asked.happen(run)
            return await run.counts()

    counts = asyncio.run(main())
    record_property("fleet", f"{fleet}, {row}: {counts}")
    print(f"\n{fleet:16} {row:38} {shown(counts)}")  # noqa: T201 - pytest -s shows it
    assert counts.found == (), "files contain an address or a code"
    assert (counts.late, counts.untrue) == (0, 0)
    if asked.promised:
        assert (counts.lost, counts.doubled) == (0, 0)
        assert counts.unknown <= counts.in_flight
    shutil.rmtree(tmp_path)


def shown(counts: Counts) -> str:
    names = ("accepted", "rejected", "unknown", "expired", "lost", "doubled", "late", "in_flight")
    told = [f"{name} {getattr(counts, name)}" for name in names]
    return f"{'  '.join(told)}  p99 {counts.slowest:.1f} s  request {counts.request:.1f} s"
