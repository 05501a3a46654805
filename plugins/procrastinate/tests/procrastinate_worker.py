"""A worker of Procrastinate, as a process of its own.

It is given JSON as its argument. The connector appends the recipient of each email to a file. Told
to hang, it says so, and holds each email until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passpost_outbox import Keys, Worker
from passpost_outbox.postgres import PostgresStore
from passpost_procrastinate import ProcrastinateEngine

sys.path.insert(0, str(Path(__file__).parents[2] / "outbox/tests/servers"))

from recording import Recorder


class HangingRecorder(Recorder):
    async def after(self) -> None:
        sys.stdout.write("sending\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def main(task: Mapping[str, Any]) -> None:
    recorder = (HangingRecorder if task["hangs"] else Recorder)(task["file"])
    keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
    engine = ProcrastinateEngine(task["url"])
    store = PostgresStore(task["url"])
    async with recorder.mailer() as mailer:
        worker = Worker(store, keys, mailer, engine=engine, poll=None, lease=1, sweep_every=0.2)
        await engine.run(worker, concurrency=3, wait=task["wait"])
    await store.aclose()
    await engine.aclose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
