"""A worker that is killed at a named point, as a process of its own.

It is given JSON as its argument. The connector appends the recipient of each email to a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passpost_outbox import Change, Claim, Event, Finish, Keys, SqliteStore, Worker

sys.path.insert(0, str(Path(__file__).parent / "servers"))

from recording import Recorder


class Crash:
    """Kills the process when a point is reached for the third time."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.left = 3

    def at(self, point: str) -> None:
        self.left -= point == self.point
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingStore(SqliteStore):
    crash: Crash

    async def claim_next(self, claim: Claim) -> Change | None:
        self.crash.at("before the claim")
        change = await super().claim_next(claim)
        if change is not None:
            self.crash.at("after the claim")
        return change

    async def apply(self, id_: str, event: Event) -> Change | None:
        if isinstance(event, Finish):
            self.crash.at("before the end is noted")
        change = await super().apply(id_, event)
        if isinstance(event, Finish):
            self.crash.at("after the end is noted")
        return change


class CrashingRecorder(Recorder):
    def __init__(self, path: str, crash: Crash) -> None:
        super().__init__(path)
        self.crash = crash

    async def before(self) -> None:
        self.crash.at("before the email is sent")
        if self.crash.point == "signal":
            sys.stdout.write("sending\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)

    async def after(self) -> None:
        self.crash.at("after the email is sent")


async def main(task: Mapping[str, Any]) -> None:
    crash = Crash(task["point"])
    store = CrashingStore(task["store"])
    store.crash = crash
    keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
    async with CrashingRecorder(task["file"], crash).mailer() as mailer:
        worker = Worker(store, keys, mailer, concurrency=task["concurrency"])
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        if task["point"] == "none":
            await worker.drain()
        else:
            await worker.run()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
