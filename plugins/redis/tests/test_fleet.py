"""What processes that share a store do together, and what is left when one of them dies.

``make fleet`` runs the test of one email for each key with 16 processes and 10,000 keys.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from passpost.stores import Rate

WORKER = Path(__file__).parent / "fleet_worker.py"
SECRET = "0d9b0c6e6a5e4e6f8c8d"
PROCESSES, KEYS = map(int, os.environ.get("PASSPOST_FLEET", "4x100").split("x"))

Stores = Callable[[], dict[str, Any]]


class Process:
    """One process of a fleet, which waits for `go`."""

    def __init__(self, **task: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._write(json.dumps(task))
        assert self.next()["is"] == "ready"

    def go(self) -> None:
        self._write("")

    def next(self) -> dict[str, Any]:
        """Return what it says next; nothing if it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
        return said

    def results(self) -> Iterator[dict[str, Any]]:
        """Yield what comes of its sends, until it ends."""
        while said := self.next():
            if said["is"] == "result":
                yield said

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        return self._process.wait()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


@pytest.fixture(params=["sqlite", "redis"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The ``stores`` of a settings file: those that processes share."""
    settings = {"path": str(tmp_path / "sends.sqlite")}
    if request.param == "redis":
        settings = {"url": request.getfixturevalue("server").url}
    return {"use": request.param, "settings": settings, "secret": SECRET}


@pytest.fixture
def redis(server: Any) -> dict[str, Any]:
    return {"use": "redis", "settings": {"url": server.url}, "secret": SECRET}


def emails(file: Path) -> list[tuple[str, float]]:
    """Return the recipient and the time of each email that was sent."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [(name, float(at)) for name, at in (line.split() for line in lines)]


def fleet(number: int, **task: Any) -> list[list[dict[str, Any]]]:
    """Run several processes at once, and return what each said of its sends."""
    processes = [Process(**task) for _ in range(number)]
    for process in processes:
        process.go()
    # All at once: a pipe that nobody reads would stop its process in the middle of a send.
    with ThreadPoolExecutor(number) as readers:
        found = list(readers.map(lambda process: list(process.results()), processes))
    assert [process.end() for process in processes] == [0] * number
    return found


def test_a_key_is_one_email_however_many_processes_ask(
    stores: dict[str, Any], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    keys = [f"user{number}" for number in range(KEYS)]
    task = {"keys": keys, "shuffled": True, "once": True, "delivery": {"timeout": 120}}
    began = time.monotonic()
    found = fleet(PROCESSES, stores=stores, file=str(tmp_path / "sent"), **task)
    record_property("seconds", round(time.monotonic() - began, 1))
    assert sorted(name for name, _ in emails(tmp_path / "sent")) == sorted(keys)
    outcomes = Counter(
        (one["outcome"], one.get("replayed"), one.get("code")) for each in found for one in each
    )
    assert outcomes == {
        ("accepted", False, None): KEYS,
        ("accepted", True, None): KEYS * (PROCESSES - 1),
    }


def test_no_window_of_four_processes_holds_more_than_their_rate(server: Any) -> None:
    rate, number = Rate(20, 1), 80
    keys = [str(n) for n in range(number // 4)]
    found = [one for each in fleet(4, url=server.url, rate="20/s", keys=keys) for one in each]
    assert len(found) == number
    # The k-th place was not taken before the k-th call began, nor after the k-th call ended.
    began, ended = (sorted(one[name] for one in found) for name in ("began", "ended"))
    windows = zip(began, ended[rate.emails :], strict=False)
    assert all(last - first >= rate.seconds for first, last in windows)


def test_four_processes_get_exactly_the_places_of_a_window(
    redis: dict[str, Any], tmp_path: Path
) -> None:
    delivery = {"rates": {"primary": "50/h"}, "timeout": 5}
    task = {"keys": [f"user{n}" for n in range(40)]}
    found = fleet(4, stores=redis, file=str(tmp_path / "sent"), delivery=delivery, **task)
    results = [one for each in found for one in each]
    assert len(emails(tmp_path / "sent")) == 50
    rejected = [one for one in results if one["outcome"] == "rejected"]
    # A place that would come after the deadline is not waited for.
    assert {one["code"] for one in rejected} == {"passpost.unavailable"}
    assert len(rejected) == 160 - 50
    assert all(0 < one["wait"] <= 3_600 for one in rejected)


def test_four_processes_share_a_cooldown(redis: dict[str, Any], tmp_path: Path) -> None:
    delivery = {"recipientCooldowns": {"*": 60}}
    task = {"keys": [f"user{n}" for n in range(50)], "shuffled": True}
    found = fleet(4, stores=redis, file=str(tmp_path / "sent"), delivery=delivery, **task)
    assert len({name for name, _ in emails(tmp_path / "sent")}) == 50
    assert len(emails(tmp_path / "sent")) == 50
    rejected = [one for each in found for one in each if one["outcome"] == "rejected"]
    assert len(rejected) == 150
    assert all(0 < one["wait"] <= 60 for one in rejected)


def test_a_process_that_is_killed_in_an_attempt_leaves_its_key_unknown(
    stores: dict[str, Any], tmp_path: Path
) -> None:
    task: dict[str, Any] = {
        "stores": stores, "file": str(tmp_path / "sent"), "keys": ["ada"], "once": True,
        "delivery": {"timeout": 3}, "margin": 0.5,
    }  # fmt: skip
    process = Process(**task, recorder={"hangs": True})
    process.go()
    assert process.next()["is"] == "hanging"
    process.kill()
    process.end()
    # The first ones wait for the process that vanished; in the end, everybody knows.
    codes = []
    while "passpost.vanished" not in codes:
        (((result,),)) = fleet(1, **task)
        assert result["outcome"] == "unknown"
        codes.append(result["code"])
    assert len(emails(tmp_path / "sent")) == 1


def test_processes_that_are_killed_anywhere_send_nothing_twice(
    stores: dict[str, Any], tmp_path: Path
) -> None:
    keys = [f"user{number}" for number in range(80)]
    file = tmp_path / "sent"
    task: dict[str, Any] = {
        "stores": stores, "file": str(file), "keys": keys, "once": True,
        "delivery": {"timeout": 1}, "margin": 0.2,
    }  # fmt: skip
    chosen = random.Random(7)  # noqa: S311 - places to kill at, not a secret
    for _ in range(4):
        process = Process(**task, recorder={"latency": 0.002})
        process.go()
        for _ in range(chosen.randrange(2, 40)):
            process.next()
        process.kill()
        process.end()
    ended = Counter[str]()
    while keys:
        (found,) = fleet(1, **{**task, "keys": keys})
        final = [one for one in found if one.get("code") != "passpost.running"]
        ended.update(one["outcome"] for one in final)
        keys = [one["key"] for one in found if one not in final]
    assert ended.total() == 80
    assert set(ended) <= {"accepted", "unknown"}
    sent = Counter(name for name, _ in emails(file))
    assert max(sent.values()) == 1, "an email was sent twice"
    # Of an email that was not sent, a process may have died between its key and its attempt.
    assert len(sent) >= ended["accepted"]


@pytest.mark.parametrize("how", ["paused", "killed"])
def test_without_its_server_nothing_is_sent_and_nothing_afterwards_twice(
    redis: dict[str, Any], server: Any, tmp_path: Path, how: str
) -> None:
    file = tmp_path / "sent"
    redis["settings"]["timeout"] = 0.3
    keys = [f"user{number}" for number in range(150)]
    task: dict[str, Any] = {
        "stores": redis, "file": str(file), "keys": keys, "once": True,
        "delivery": {"timeout": 2}, "margin": 0.2, "recorder": {"latency": 0.002},
    }  # fmt: skip
    process = Process(**task)
    process.go()
    said = [process.next() for _ in range(50)]
    (server.pause if how == "paused" else server.kill)()
    # What is under way ends, and the rest is rejected: each within its deadline, or this hangs.
    said += process.results()
    assert process.end() == 0
    rejected = [one for one in said if one["outcome"] == "rejected"]
    assert {one["code"] for one in rejected} == {"passpost.store"}
    assert len(said) == len(keys)
    before = Counter(name for name, _ in emails(file))
    assert not {one["key"] for one in rejected} & set(before)
    (server.go_on if how == "paused" else server.start)()
    while keys:
        (found,) = fleet(1, **{**task, "keys": keys})
        keys = [one["key"] for one in found if one.get("code") == "passpost.running"]
    sent = Counter(name for name, _ in emails(file))
    assert max(sent.values()) == 1
    assert len(sent) > len(before)
