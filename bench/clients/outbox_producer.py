"""Enqueues emails as ordered, as a web process does.

Orders are JSON, line by line on standard input: the ``first`` number, how many ``emails``, and how
many ``per_second``. Without that, some are enqueued at a time. The answer has the seconds, the
CPU of this process, and the moment of each email in nanoseconds of the monotonic clock. With a
rate, that is the moment at which it should have been enqueued.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from outbox_job import Job, message, open_engine, open_outbox, read_job

_AT_A_TIME = 8
"""Requests that a web process serves at a time."""

Enqueue = Callable[[int], Awaitable[object]]


def producer(job: Job) -> Enqueue:
    """Return what enqueues one email."""
    if job.store:
        outbox = open_outbox(job, open_engine(job))
        return lambda number: outbox.enqueue(message(number))
    # Made for the job that it reads.
    from outbox_celery import send  # noqa: PLC0415

    threads = asyncio.Semaphore(_AT_A_TIME)

    async def enqueue(number: int) -> None:
        async with threads:
            await asyncio.to_thread(send.delay, number)

    return enqueue


async def as_fast_as_possible(enqueue: Enqueue, first: int, emails: int) -> list[int]:
    """Enqueue some at a time: each request begins when another one ends."""
    numbers = iter(range(first, first + emails))
    moments = []

    async def serve() -> None:
        for number in numbers:
            moments.append(time.monotonic_ns())
            await enqueue(number)

    async with asyncio.TaskGroup() as tasks:
        for _request in range(_AT_A_TIME):
            tasks.create_task(serve())
    return moments


async def at_a_rate(enqueue: Enqueue, first: int, emails: int, rate: float) -> list[int]:
    """Enqueue each at its time, whether the others are done or not."""
    began = time.monotonic()
    moments = []
    async with asyncio.TaskGroup() as tasks:
        for index in range(emails):
            due = began + index / rate
            moments.append(int(due * 1e9))
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.create_task(_awaited(enqueue(first + index)))
    return moments


async def _awaited(one: Awaitable[object]) -> None:
    await one


async def main() -> None:
    """Enqueue as ordered."""
    enqueue = producer(read_job())
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        cpu, began = time.process_time(), time.perf_counter()
        first, emails, rate = order["first"], order["emails"], order["per_second"]
        if rate is None:
            moments = await as_fast_as_possible(enqueue, first, emails)
        else:
            moments = await at_a_rate(enqueue, first, emails, rate)
        seconds = time.perf_counter() - began
        answer = {"seconds": seconds, "cpu": time.process_time() - cpu, "moments": moments}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
