"""A proxy that loses a reply of a server, as a connection does that breaks at the wrong moment."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class LossyProxy:
    """A proxy in front of the server, which loses one reply and ends its connection.

    Attributes:
        loses: What the reply contains that it loses next.
        lost: How many it has lost.
        forgotten: The connections of which it forwards nothing more, and which it does not end.
    """

    def __init__(self, port: int) -> None:
        self.loses: bytes | None = None
        self.lost = 0
        self.forgotten: set[asyncio.StreamWriter] = set()
        self._known: set[asyncio.StreamWriter] = set()
        self._port = port

    def forget(self) -> None:
        """Do as a firewall that has forgotten all connections there are."""
        self.forgotten |= self._known

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        ends = (to_client, to_server)
        self._known.update(ends)
        pumps = (self._pump(client, to_server), self._pump(server, to_client, from_server=True))
        tasks = [asyncio.create_task(pump) for pump in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                end.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        from_server: bool = False,
    ) -> None:
        with suppress(ConnectionError):
            while some := await source.read(65_536):
                if from_server and self.loses is not None and self.loses in some:
                    self.loses = None
                    self.lost += 1
                    return
                if target not in self.forgotten:
                    target.write(some)
                await target.drain()
