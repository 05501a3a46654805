"""The connections of the HTTP client: none is used again if unexpected data came on it.

The client below, httpcore, keeps octets that follow a response and reads them as the response to
the next request. So connections are made here: what arrives is counted, and one whose last
response was followed by anything, be it a moment later or in the same segment, ends. A request
leaves in one piece, in the same step in which its connection was looked at.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from typing import Any, Final, cast

import h11
import httpcore

from passpost._departure import Departure
from passpost._network.dial import connect, resolve

MAX_UNREAD: Final = 65_536
"""Octets that wait to be read before the peer is told to wait."""

MAX_HEARD: Final = 262_144
"""Octets of a response beyond which its connection is not used again."""

LINGER: Final = 1.0
"""Seconds that a connection may take to close."""

_REQUEST: Final = h11.Request(method="POST", target="/", headers=[("Host", "h")])


class Body:
    """The body of a request, which notes when it leaves.

    Attributes:
        size: Its octets.
        begun: Whether it has begun to go out: from here on, a server may act on it.

    Args:
        octets: The body.
        departure: Told when the body leaves, if that sends an email.
    """

    def __init__(self, octets: bytes, departure: Departure | None = None) -> None:
        self._octets = octets
        self._departure = departure
        self.size = len(octets)
        self.begun = False
        self._asked_for = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._asked_for = True
        yield self._octets

    def leaves(self) -> None:
        """Note that what was asked for so far goes out: a proxy is asked for the way alone.

        Raises:
            SendError: The attempt is over, and nothing may go out.
        """
        if self._asked_for and self._departure is not None:
            self._departure.begin()
        self.begun = self._asked_for


current: Final[ContextVar[Body | None]] = ContextVar("passpost.http.current", default=None)
"""The body of the request that is under way: it is told when it leaves."""


class _NoResponses(logging.Filter):
    """Keeps responses to our own requests, which may repeat keys and codes, out of others' logs."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - all of them
        return current.get() is None


for _name in ("connection", "http11", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_NoResponses())


class Network(httpcore.AsyncNetworkBackend):
    """Makes the connections of a client.

    Args:
        anywhere: Whether they lead to a proxy of the environment, which may be anywhere.
    """

    def __init__(self, *, anywhere: bool = False) -> None:
        self._anywhere = anywhere

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - none are given
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                addresses = await resolve(host, port, local_address, anywhere=self._anywhere)
                sock = await connect(addresses, local_address)
                _, incoming = await loop.create_connection(_Incoming, sock=sock)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError from error
        return _Stream(incoming, sock)


class _Incoming(asyncio.Protocol):
    """What a peer has sent and nobody has read.

    Attributes:
        octets: The octets.
        ended: Whether no more will come.
        broken: Whether that is so without the peer having said it.
        writable: Whether all that was written is on its way.
        transport: The way to the peer.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.octets = bytearray()
        self.ended = self.broken = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self.writable = True
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        # Writing pauses as long as anything is left to write.
        self.transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        self.octets += data
        if len(self.octets) > MAX_UNREAD:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the outcome is the same
        self.broken = not self.ended
        self.ended = True
        self._wake()
        if not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._wake()

    def take(self, most: int) -> bytes:
        """Return what is there, up to a number of octets."""
        octets = bytes(self.octets[:most])
        del self.octets[:most]
        if self._paused and not self.octets:
            self._paused = False
            self.transport.resume_reading()
        return octets

    async def arrival(self) -> None:
        """Wait until something is there, or nothing more will come."""
        while not self.octets and not self.ended:
            await self._woken()

    async def departure(self) -> None:
        """Wait until what was written is on its way, or the peer speaks, or is gone."""
        while not (self.writable or self.octets or self.ended):
            await self._woken()

    async def end(self) -> None:
        """Close the connection."""
        self.transport.abort()
        await asyncio.wait([self._lost], timeout=LINGER)

    async def _woken(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _Stream(httpcore.AsyncNetworkStream):
    """One connection, unencrypted or encrypted, as httpcore uses it."""

    def __init__(self, incoming: _Incoming, sock: socket.socket) -> None:
        self._incoming = incoming
        self._sock = sock
        self._outgoing = bytearray()
        self._patience: float | None = None
        # What came since the last request left; None before the first one.
        self._heard: bytearray | None = None
        self._early = False

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's interface
        """Keep a part of the request; it leaves when the response is asked for."""
        self._outgoing += buffer
        self._patience = timeout

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's interface
        """Read a part of the response."""
        if self._outgoing:
            await self._leave()
        if not self._incoming.octets:
            try:
                async with asyncio.timeout(timeout):
                    await self._incoming.arrival()
            except TimeoutError as error:
                raise httpcore.ReadTimeout from error
        octets = self._incoming.take(max_bytes)
        if not octets and self._incoming.broken:
            raise httpcore.ReadError
        if self._heard is not None and len(self._heard) <= MAX_HEARD:
            self._heard += octets
        return octets

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt the connection from here on."""
        incoming = self._incoming
        try:
            if incoming.octets:
                raise ssl.SSLError("something came before TLS")
            async with asyncio.timeout(timeout):
                encrypted = await asyncio.get_running_loop().start_tls(
                    incoming.transport, incoming, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            incoming.transport.abort()
            raise httpcore.ConnectTimeout from error
        # What ssl raises is an OSError.
        except OSError as error:
            incoming.transport.abort()
            raise httpcore.ConnectError from error
        if encrypted is None:
            raise httpcore.ConnectError
        incoming.transport = encrypted
        return _Stream(incoming, self._sock)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._incoming.end()

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks an idle connection: whether it cannot be used again."""
        if info == "is_readable":
            return not self._is_ready()
        return self._incoming.transport.get_extra_info(info)

    async def _leave(self) -> None:
        """Let the request go out, if nothing came before it."""
        if self._heard is None:
            # A response to a request that was never made. An end is found by reading.
            if self._incoming.octets:
                raise httpcore.RemoteProtocolError
        elif not self._is_ready():
            # Nothing of the request has left: httpcore takes another connection for it.
            raise httpcore.ConnectionNotAvailable
        if body := current.get():
            body.leaves()
        request, self._outgoing, self._heard = bytes(self._outgoing), bytearray(), bytearray()
        self._incoming.transport.write(request)
        try:
            async with asyncio.timeout(self._patience):
                await self._incoming.departure()
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        # The peer spoke, or is gone, before it had the whole request.
        self._early = not self._incoming.writable

    def _is_ready(self) -> bool:
        """Return whether the last response came whole, and neither data nor an end after it."""
        incoming = self._incoming
        if self._early or incoming.ended or incoming.octets or self._stirs():
            return False
        return self._heard is None or _is_one_response(bytes(self._heard))

    def _stirs(self) -> bool:
        # What the loop has not read yet. It is a socket of our own: its transport offers no recv.
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


def _is_one_response(octets: bytes) -> bool:
    """Return whether octets are one whole response, and not one octet more."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(_REQUEST)
    parser.send(h11.EndOfMessage())
    parser.receive_data(octets)
    try:
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if event in (h11.NEED_DATA, h11.PAUSED):
                return False
    except h11.RemoteProtocolError:
        return False
    return parser.trailing_data == (b"", False)
