"""A TCP proxy that makes loopback as slow as a distance, for measuring round trips."""

from __future__ import annotations

import asyncio
import selectors
import socket
from typing import TYPE_CHECKING

from pytest_passpost.servers.channel import Channel
from pytest_passpost.servers.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable


class DelayProxy(Listener):
    """A proxy on 127.0.0.1 that holds everything back for a while, in order.

    It adds delay and nothing else: as much may be under way as both ends like, so that pipelining
    pays as it does over a distance.

    ::

        with DelayProxy(("127.0.0.1", server.port), 0.025) as proxy:  # 50 ms round trip
            send_through(proxy.host, proxy.port)

    Args:
        target: Host and port to pass everything on to.
        delay_seconds: How long each octet takes, one way.
        handshake: Whether opening a connection takes its time too. The client's own handshake with
            the proxy cannot be delayed; so the target is connected to when the last part of that
            handshake would reach it, after three ways.
    """

    def __init__(
        self, target: tuple[str, int], delay_seconds: float, *, handshake: bool = False
    ) -> None:
        super().__init__()
        self._target = target
        self._delay = delay_seconds
        self._handshake = handshake
        self._to_target = 0
        self._to_client = 0

    @property
    def bytes_to_target(self) -> int:
        """Octets that clients sent, on all connections."""
        return self._to_target

    @property
    def bytes_to_client(self) -> int:
        """Octets that the target sent, on all connections."""
        return self._to_client

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        # select() waits to the microsecond, epoll to the millisecond: that would be measured too.
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    async def _serve(self, channel: Channel, number: int) -> None:  # noqa: ARG002 - all alike
        with socket.socket() as sock:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            target = Channel(sock)
            try:
                await self._pass_on(channel, target, sock)
            except* OSError:
                channel.reset()
                target.reset()

    async def _pass_on(self, client: Channel, target: Channel, sock: socket.socket) -> None:
        """Pass on both ways until both have ended."""
        loop = asyncio.get_running_loop()
        opened = loop.time() + (3 * self._delay if self._handshake else 0)
        up, down = _Way(self._delay), _Way(self._delay)
        async with asyncio.TaskGroup() as tasks:
            # What the client says meanwhile is on its way already.
            tasks.create_task(up.read(client, self._count_up))
            await _until(opened)
            await loop.sock_connect(sock, self._target)
            tasks.create_task(up.write(target))
            tasks.create_task(down.read(target, self._count_down))
            tasks.create_task(down.write(client))

    def _count_up(self, octets: int) -> None:
        self._to_target += octets

    def _count_down(self, octets: int) -> None:
        self._to_client += octets


class _Way:
    """One direction of a connection: what came in, until it is time for it to go out."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._parts: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read(self, source: Channel, count: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        octets = b"-"
        while octets:
            octets = await source.receive()
            count(len(octets))
            self._parts.put_nowait((loop.time() + self._delay, octets))

    async def write(self, sink: Channel) -> None:
        while True:
            due, octets = await self._parts.get()
            await _until(due)
            if not octets:  # the end of the stream travels as long as the stream did
                sink.end()
                return
            await sink.send(octets)


async def _until(due: float) -> None:
    left = due - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


__all__ = ["DelayProxy"]
