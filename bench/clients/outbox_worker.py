"""A worker process: the built-in one, or Procrastinate's."""

from __future__ import annotations

import asyncio
import signal

from outbox_job import AT_ONCE, Job, open_engine, open_worker, read_job

from passpost_procrastinate import ProcrastinateEngine


async def main(job: Job) -> None:
    """Send until SIGTERM."""
    engine = open_engine(job)
    async with open_worker(job, engine) as worker:
        if engine is None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
            await worker.run()
            return
        assert isinstance(engine, ProcrastinateEngine)
        await engine.run(worker, concurrency=AT_ONCE)
        await engine.aclose()


if __name__ == "__main__":
    asyncio.run(main(read_job()))
