"""Workers that are killed: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from passpost import Message
from passpost_outbox import AsyncOutbox, Keys, SqliteStore, Sweeper

WORKER = Path(__file__).with_name("outbox_worker.py")
EMAILS = 12
CONCURRENCY = 3
HOURS = 3600.0

POINTS = [
    "before the claim",
    "after the claim",
    "before the email is sent",
    "after the email is sent",
    "before the end is noted",
    "after the end is noted",
]


def start(folder: Path, point: str, concurrency: int = CONCURRENCY) -> subprocess.Popen[str]:
    task = {"store": str(folder / "outbox.sqlite"), "file": str(folder / "sent")}
    argument = json.dumps({**task, "point": point, "concurrency": concurrency})
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def outbox(folder: Path, ahead: float = 0.0) -> AsyncOutbox:
    store = SqliteStore(folder / "outbox.sqlite", clock=lambda: time.time() + ahead)
    keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
    return AsyncOutbox(store, keys, secret=b"s" * 16, lifetime=10 * HOURS)


async def enqueue(folder: Path, emails: int) -> dict[str, str]:
    """Return the recipient of each email by its ID."""
    async with outbox(folder) as box:
        names = [f"user{number}" for number in range(emails)]
        return {
            str(await box.enqueue(Message(f"{name}@example.com", "SignIn", {"code": "1"}))): name
            for name in names
        }


def sent(folder: Path) -> Counter[str]:
    return Counter((folder / "sent").read_text().split())


async def states(folder: Path, recipients: dict[str, str]) -> dict[str, str]:
    """Return the state of each recipient's email, an hour later and after a sweep."""
    store = SqliteStore(folder / "outbox.sqlite", clock=lambda: time.time() + HOURS)
    await Sweeper(store, every=5, keep=10 * HOURS).sweep()
    found = {recipients[record.id]: record.state for record in await store.list()}
    await store.aclose()
    return {name: str(state) for name, state in found.items()}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_loses_and_doubles_nothing(tmp_path: Path, point: str) -> None:
    # kratos, postal#645, postal#1085: nothing ever ended what a killed process had taken.
    recipients = asyncio.run(enqueue(tmp_path, EMAILS))
    with start(tmp_path, point) as killed:
        assert killed.wait(60) == -signal.SIGKILL, "the point was never reached"
    with start(tmp_path, "none") as other:
        assert other.wait(60) == 0
    found = asyncio.run(states(tmp_path, recipients))
    copies = sent(tmp_path)
    unknown = {name for name, state in found.items() if state == "unknown"}
    accepted = {name for name, state in found.items() if state == "accepted"}
    assert unknown | accepted == set(recipients.values()), found
    assert accepted <= set(copies), "an email is said to be sent, and was not"
    assert set(copies.values()) == {1}, "an email was sent twice"
    assert len(unknown) <= CONCURRENCY
    if point == "before the claim":
        # Others may have been under way, this one was not.
        assert len(unknown) < CONCURRENCY
    else:
        assert point == "after the end is noted" or unknown


def test_several_processes_send_each_email_once(tmp_path: Path) -> None:
    recipients = asyncio.run(enqueue(tmp_path, 60))
    workers = [start(tmp_path, "none") for _ in range(3)]
    for worker in workers:
        with worker:
            assert worker.wait(60) == 0
    assert sent(tmp_path) == Counter(recipients.values())
    found = asyncio.run(states(tmp_path, recipients))
    assert set(found.values()) == {"accepted"}


def test_a_signal_lets_a_worker_finish_what_is_under_way(tmp_path: Path) -> None:
    recipients = asyncio.run(enqueue(tmp_path, 3))
    with start(tmp_path, "signal", concurrency=1) as worker:
        assert worker.stdout is not None
        assert worker.stdin is not None
        assert worker.stdout.readline() == "sending\n"
        worker.send_signal(signal.SIGTERM)
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.wait(60) == 0
    found: Any = Counter(asyncio.run(states(tmp_path, recipients)).values())
    assert found == {"accepted": 1, "queued": 2}
