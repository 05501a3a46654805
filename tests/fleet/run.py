"""One row: emails enter an outbox, workers send them, something fails, and copies are counted."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import mmap
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import attrs
import pytest
from brokers import Broker, SilentProxy

from passpost import Message
from passpost.stores import StoreError
from passpost_outbox import FINAL, AsyncOutbox, Engine, Keys, OutboxStore, Record
from passpost_procrastinate import ProcrastinateEngine

from .machines import Machines, Sink
from .member import TASK, celery, open_store

HERE: Final = Path(__file__).parent
PATIENCE: Final = 120.0
CANARY: Final = "canary.of.the.fleet."
SECRET: Final = b"s" * 16
REQUESTS: Final = 16
"""Requests that enqueue at a time."""

FAKETIME: Final = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def _forms(word: str) -> Iterator[bytes]:
    """Yield a word as it is, and as it is within Base64, which depends on where it begins."""
    yield word.encode()
    for before in range(3):
        yield base64.b64encode(b" " * before + word.encode())[4:-4]


PATTERN: Final = re.compile(b"|".join(map(re.escape, _forms(CANARY))))


@attrs.frozen
class Size:
    """How large a fleet is.

    Attributes:
        workers: How many processes.
        emails: How many emails.
        long: Whether it is the long form, whose faults last for minutes.
    """

    workers: int
    emails: int
    long: bool


@attrs.frozen
class Counts:
    """What became of the emails of one row.

    Attributes:
        accepted: Those that a worker knows to be sent; so are the next three states.
        lost: Those without a copy, though nothing says that they were not sent.
        doubled: Those of more than one copy.
        late: Those whose copy came after their deadline.
        untrue: Those that were sent, though they are said not to be.
        in_flight: Those that may have been under way at the faults.
        slowest: The 99th percentile of the seconds from being enqueued to being accepted.
        request: The longest request in seconds.
        found: Files that contain an address or a code.
    """

    accepted: int
    rejected: int
    unknown: int
    expired: int
    lost: int
    doubled: int
    late: int
    untrue: int
    in_flight: int
    slowest: float
    request: float
    found: tuple[str, ...]


class Run:
    """A fleet, and what happens to it.

    Args:
        machines: The servers.
        folder: Where workers write.
        engine: The name of the engine.
        store: The kind of the store.
        size: How large it is.
        pause: Seconds that the mail server takes for each email.
        proxied: Who reaches the broker through a proxy: ``web``, ``all`` or nobody.
        worker: Options of the workers.
        celery_settings: Settings of Celery.
    """

    def __init__(
        self,
        machines: Machines,
        folder: Path,
        engine: str,
        store: str,
        size: Size,
        *,
        pause: float = 0.02,
        proxied: str = "",
        worker: Mapping[str, Any] = {},
        celery_settings: Mapping[str, Any] = {},
    ) -> None:
        self.size, self.emails = size, size.emails
        self.engine_name = engine
        self.in_flight = 0
        self.request = 0.0
        self.tickets: dict[str, str] = {}
        self.workers: list[subprocess.Popen[bytes]] = []
        self.broker: Broker | None = None
        self.proxy: SilentProxy | None = None
        self._numbers = count()
        self._stack = ExitStack()
        self.folder = folder / "members"
        self.keys = folder / "keys"
        for each in (self.folder, self.keys):
            each.mkdir()
        self.add_key("2026-11")
        self.server = machines.store(store, self.folder)
        self.sink = Sink(folder / "sent", pause)
        self._stack.callback(self.sink.close)
        concurrency = 16 if size.long else 4
        options = {
            "concurrency": concurrency,
            "lease": 4.0,
            "sweep_every": 0.5,
            "republish": 1.0,
            **worker,
        }
        self.concurrency: int = options["concurrency"]
        self.lease: float = options["lease"]
        self.task: dict[str, Any] = {
            "engine": engine, "store": self.server.opening, "worker": options,
            "settings": str(self._settings()), "keys": str(self.keys),
            "queue": f"fleet-{time.time_ns()}", "celery": celery_settings,
        }  # fmt: skip
        self.store: OutboxStore = open_store(self.task)
        self.engine = self._engine(machines, proxied)
        self.outbox = self.new_outbox(self.store, Keys.from_folder(self.keys))

    def new_outbox(self, store: OutboxStore, keys: Keys) -> AsyncOutbox:
        again = self.task["worker"]["republish"]
        return AsyncOutbox(store, keys, secret=SECRET, engine=self.engine, republish=again)

    def add_key(self, name: str) -> None:
        """Add a key to the folder, and use it from now on."""
        (self.keys / f"{name}.key").write_text(os.urandom(32).hex())
        (self.keys / "use").write_text(name)

    async def __aenter__(self) -> Self:
        if isinstance(self.engine, ProcrastinateEngine):
            await self.engine.create_tables()
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self.resume_workers()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        await self.outbox.aclose()
        self._stack.close()

    def start_workers(self) -> None:
        for _ in range(self.size.workers):
            self.start_worker()

    def start_worker(self, clock: str = "", **task: Any) -> subprocess.Popen[bytes]:
        """Start a worker.

        Args:
            clock: How far its clock is from that of the others.
            task: What is different from the task of the others.
        """
        command = [sys.executable, str(HERE / "member.py")]
        if self.broker is not None:
            name = f"worker{next(self._numbers)}@%h"
            command = [sys.executable, "-m", "celery", "-A", "member", "worker", "-l", "INFO"]
            command += ["-Q", self.task["queue"], "-n", name, "-E", "-P", "threads"]
            command += ["-c", str(self.concurrency), "--without-gossip", "--without-mingle"]
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        environ = {TASK: json.dumps({**self.task, **task}), "PYTHONPATH": path}
        environ |= _shifted(clock) if clock else {}
        with (self.folder / "log").open("ab") as log:
            worker = subprocess.Popen(
                command, env={**os.environ, **environ}, cwd=self.folder, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker; what it was sending ends as unknown."""
        worker.kill()
        self.died(worker)

    def died(self, worker: subprocess.Popen[bytes]) -> None:
        assert worker.wait(PATIENCE) == -signal.SIGKILL, self.log()
        self.workers.remove(worker)
        self.in_flight += self.concurrency

    def pause_workers(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGSTOP)

    def resume_workers(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)

    def all_in_doubt(self) -> None:
        """Note that all that was under way may end as unknown."""
        self.in_flight += self.concurrency * len(self.workers)

    @asynccontextmanager
    async def load(self, rate: float = 10_000.0) -> AsyncIterator[None]:
        """Enqueue all emails while something goes wrong, and wait until none is under way."""
        task = asyncio.create_task(self.enqueue(self.emails, rate=rate))
        try:
            yield
        finally:
            await task
        await self.settle()

    async def enqueue(
        self, emails: int, outbox: AsyncOutbox | None = None, *, rate: float = 10_000.0,
        left: float = 600.0, deadline: dt.datetime | None = None, least: float = 0.0,
    ) -> list[str]:  # fmt: skip
        """Enqueue emails as web processes do, and return their IDs.

        Args:
            emails: How many.
            outbox: By which outbox.
            rate: How many a second.
            left: Seconds until their deadlines.
            deadline: One deadline of all of them.
            least: Seconds before it at which no more are enqueued.
        """
        names = iter([f"{CANARY}{next(self._numbers)}" for _ in range(emails)])
        ids: list[str] = []

        async def requests() -> None:
            for name in names:
                now = dt.datetime.now(dt.UTC)
                end = deadline or now + dt.timedelta(seconds=left)
                if (end - now).total_seconds() < least:
                    return
                ids.append(await self._request(name, outbox or self.outbox, end))
                await asyncio.sleep(REQUESTS / rate)

        await asyncio.gather(*(requests() for _ in range(REQUESTS)))
        return ids

    async def _request(self, name: str, outbox: AsyncOutbox, deadline: dt.datetime) -> str:
        address = f"{name}@example.com"
        message = Message(
            address, "SignIn", {"code": name}, idempotency_key=name, deadline=deadline
        )
        while True:
            began = time.monotonic()
            try:
                id_ = (await outbox.enqueue(message)).id
            except StoreError:
                # As a user does who is told that it failed.
                await asyncio.sleep(0.1)
                continue
            finally:
                self.request = max(self.request, time.monotonic() - began)
            self.tickets[id_] = address
            return id_

    async def arrived(self, share: float) -> None:
        """Wait until a share of the emails was sent."""
        await self._until(lambda: self.sink.arrived() >= self.emails * share)

    async def enqueued(self, more: int) -> None:
        """Wait until more emails are enqueued, or all are."""
        goal = min(len(self.tickets) + more, self.emails)
        await self._until(lambda: len(self.tickets) >= goal)

    async def settle(self) -> None:
        """Wait until each email has reached a final state; those that do not are lost."""
        over = time.monotonic() + PATIENCE + self.emails / 20
        while time.monotonic() < over:
            try:
                counts = await self.store.counts()
            except StoreError:
                continue
            if not counts.get("queued") and not counts.get("sending"):
                return
            await asyncio.sleep(0.1)

    async def _until(self, condition: Any) -> None:
        over = time.monotonic() + PATIENCE + self.emails / 20
        while not condition():
            assert time.monotonic() < over, self.log()
            # A file and a list tell nobody.
            await asyncio.sleep(0.02)

    async def records(self) -> dict[str, Record]:
        found: dict[str, Record] = {}
        last: str | None = None
        while page := await self.store.list(limit=1000, before=last):
            found |= {record.id: record for record in page}
            last = page[-1].id
        return found

    async def counts(self) -> Counts:
        """Count what became of each email."""
        times: dict[str, list[float]] = defaultdict(list)
        for moment, recipient, _message_id in self.sink.copies():
            times[recipient].append(moment)
        records = await self.records()
        states = [record.state for record in records.values()]
        lost = doubled = late = untrue = 0
        waited: list[int] = []
        for id_, recipient in self.tickets.items():
            record, copies = records.get(id_), times[recipient]
            state = None if record is None else record.state
            lost += state in {"queued", "sending"} or (not copies and state in {None, "accepted"})
            doubled += len(copies) > 1
            untrue += bool(copies) and state in {"rejected", "expired"}
            if record is not None:
                late += any(moment * 1000 > record.deadline for moment in copies)
                if state == "accepted":
                    waited.append((record.finished_at or 0) - record.queued_at)
        waited.sort()
        ended = {state: states.count(state) for state in sorted(FINAL)}
        slowest = waited[len(waited) * 99 // 100] / 1000 if waited else 0.0
        return Counts(
            **ended, lost=lost, doubled=doubled, late=late, untrue=untrue, slowest=slowest,
            in_flight=self.in_flight, request=self.request, found=tuple(self._leaks()),
        )  # fmt: skip

    def log(self) -> str:
        """Return the end of what the workers said."""
        return (self.folder / "log").read_text("utf-8", "replace")[-5000:]

    def _leaks(self) -> Iterator[str]:
        """Yield the files of stores, brokers and workers that contain an address or a code."""
        # Some from the beginning and some from the end, since a power failure loses the last ones.
        some = list(self.tickets)[:10] + list(self.tickets)[-10:]
        ids = re.compile("|".join(map(re.escape, some)).encode())
        seen = False
        folders = {self.folder, self.server.folder}
        folders |= set() if self.broker is None else {self.broker.folder}
        for folder in folders:
            for path in folder.rglob("*"):
                if not path.is_file() or not path.stat().st_size:
                    continue
                with (
                    path.open("rb") as file,
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
                ):
                    seen = seen or ids.search(content) is not None
                    if PATTERN.search(content):
                        yield str(path)
        assert seen, "the files of the store contain none of the IDs: these are not its files"

    def _settings(self) -> Path:
        smtp = {
            "host": "127.0.0.1", "port": self.sink.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        templates = [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}]
        path = self.folder / "passpost.jsonc"
        primary = {"use": "smtp", "settings": smtp}
        path.write_text(json.dumps({"connectors": {"primary": primary}, "templates": templates}))
        return path

    def _engine(self, machines: Machines, proxied: str) -> Engine | None:
        if self.engine_name == "worker":
            return None
        if self.engine_name == "procrastinate":
            return ProcrastinateEngine(self.task["store"][1])
        self.broker = machines.broker(self.engine_name)
        self.proxy = SilentProxy(self.broker.port)
        self._stack.callback(self.proxy.close)
        through = self.proxy.port if proxied else None
        self.task["broker"] = self.broker.url(through if proxied == "all" else None)
        return celery(self.task, self.broker.url(through))[1]


def _shifted(clock: str) -> dict[str, str]:
    """Return the environment of a process whose clock is wrong."""
    found = list(Path("/").glob(FAKETIME[1:]))
    if not found:
        missing = "libfaketime is not installed: apt-get install faketime"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    # Its timers go on as they were: the wall clock is wrong, not the passing of time.
    return {
        "LD_PRELOAD": str(found[0]), "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DISABLE_SHM": "1",
    }  # fmt: skip
