"""The least that asyncio can do: one write of bytes that are ready, one wait for three replies.

It checks nothing and builds nothing, so it is not a peer but a floor. The arguments behind the job
may name an event loop, ``uvloop``, and ``pipelined``: the message is written once DATA is answered.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from job import RECIPIENT, Job, next_code, read_job, take_orders

_REPLIES = 3
PIPELINED = "pipelined" in sys.argv[2:]


class Bare(asyncio.Protocol):
    """A connection that counts lines."""

    def __init__(self) -> None:
        self._lines = 0
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Count what came."""
        self._lines -= data.count(b"\n")
        if self._lines <= 0 and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def ask(self, data: bytes, lines: int) -> None:
        """Write, and wait for so many lines."""
        self._lines += lines
        self._transport.write(data)
        # The greeting may have come before anyone asked for it.
        if self._lines > 0:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class Connections:
    """As many connections as the job allows, each for one email at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._room = asyncio.Semaphore(job.connections)
        self._idle: list[Bare] = []
        data = job.email(next_code()).as_bytes()
        envelope = b"MAIL FROM:<no-reply@example.com>\r\nRCPT TO:<%b>\r\n" % RECIPIENT.encode()
        self._batch = b"%bBDAT %d LAST\r\n%b" % (envelope, len(data), data)
        self._question = envelope + b"DATA\r\n"
        self._message = data.replace(b"\r\n.", b"\r\n..") + b".\r\n"

    async def send(self) -> None:
        """Send one email."""
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connected()
            await connection.ask(self._batch, _REPLIES)
            self._idle.append(connection)

    async def send_pipelined(self) -> None:
        """Send one email in two writes."""
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connected()
            await connection.ask(self._question, _REPLIES)
            await connection.ask(self._message, 1)
            self._idle.append(connection)

    async def _connected(self) -> Bare:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Bare, self._job.host, self._job.port)
        await connection.ask(b"", 1)
        # The sink's answer has as many lines as it offers extensions, and comes at once.
        await connection.ask(b"EHLO bare.example.com\r\n", 1)
        connection._lines = 0  # noqa: SLF001 - this module's own class
        return connection


async def main() -> None:
    """Send as ordered."""
    connections = Connections(read_job())
    await take_orders(connections.send_pipelined if PIPELINED else connections.send)


if __name__ == "__main__":
    if "uvloop" in sys.argv[2:]:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
