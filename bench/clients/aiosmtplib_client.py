"""aiosmtplib with connections that are kept and used again."""

from __future__ import annotations

import asyncio

import aiosmtplib
from job import Job, next_code, read_job, take_orders


class Connections:
    """As many connections as the job allows, each for one email at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._context = job.context() if job.authority else None
        self._room = asyncio.Semaphore(job.connections)
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self) -> None:
        """Send one email."""
        async with self._room:
            client = self._idle.pop() if self._idle else await self._connected()
            await client.send_message(self._job.email(next_code()))
            self._idle.append(client)

    async def _connected(self) -> aiosmtplib.SMTP:
        job = self._job
        client = aiosmtplib.SMTP(
            hostname=job.host,
            port=job.port,
            username=job.user or None,
            password=job.password or None,
            start_tls=bool(job.authority),
            tls_context=self._context,
        )
        await client.connect()
        return client


async def main() -> None:
    """Send as ordered."""
    await take_orders(Connections(read_job()).send)


if __name__ == "__main__":
    asyncio.run(main())
