"""Procrastinate as the engine: ``python -m sign_up.with_procrastinate`` is the worker."""

from __future__ import annotations

import asyncio
import os

from passpost_outbox import Worker
from passpost_procrastinate import ProcrastinateEngine
from sign_up.settings import FILE

engine = ProcrastinateEngine(os.environ["DATABASE_URL"])


async def main() -> None:
    """Send emails until SIGTERM."""
    async with Worker.from_file(FILE, engine=engine, poll=None) as worker:
        await engine.run(worker)


if __name__ == "__main__":
    asyncio.run(main())
