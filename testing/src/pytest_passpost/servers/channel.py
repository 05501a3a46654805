"""One accepted connection: a socket, unencrypted or under TLS, with everything on it counted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK: Final = 65536
"""Octets asked of the socket at a time."""

MOST_CHUNKS: Final = 16

_Tls = ssl.SSLObject | ssl.SSLSocket

# On, and no seconds to linger: closing then sends RST, whatever is still in the buffers.
_RESET: Final = struct.pack("ii", 1, 0)


class Channel:
    """A socket in the hands of a test server.

    It works on the raw socket, with TLS beside it in memory, since a test server must be able to do
    what a transport hides: count octets, see what came ahead of time, speak garbage where a
    handshake is due, and break off with RST instead of FIN.

    Args:
        sock: The accepted, non-blocking socket; the channel owns it from here on.
        on_end: Called once FIN or RST was sent.

    Attributes:
        bytes_received: Octets that came over the socket, those of TLS included.
        bytes_sent: Octets that went out likewise.
        round_trips: How often the server waited for the client after it had said something.
        server_name: The hostname that the client asked for in the handshake (SNI).
        tls_error: Why the handshake failed, in OpenSSL's words.
    """

    def __init__(self, sock: socket.socket, on_end: Callable[[], None] = lambda: None) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._on_end: Callable[[], None] | None = on_end
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._spoke = False
        self._at_end = False
        self._broken: ConnectionError | None = None
        self._grouped: list[bytes] | None = None
        self.bytes_received = 0
        self.bytes_sent = 0
        self.round_trips = 0
        self.server_name: str | None = None
        self.tls_error: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether the socket is closed."""
        return self._sock.fileno() < 0

    @property
    def tls_version(self) -> str | None:
        """``TLSv1.3``, or None without TLS."""
        return self._tls.version() if self._tls else None

    async def receive(self) -> bytes:
        """Wait for octets, decrypted; empty at the end of the stream.

        Raises:
            ConnectionError: The client reset the connection.
            ssl.SSLError: What came is not TLS.
        """
        while True:
            if data := self._decrypted(self.poll_raw()):
                return data
            if self._at_end:
                return b""
            await self._send_grouped()
            await self._wait()

    def poll(self) -> bytes:
        """Return the octets that have come already, without waiting."""
        return self._decrypted(self.poll_raw())

    def poll_raw(self) -> bytes:
        """Return what the socket holds already, as it came.

        Raises:
            ConnectionError: The client reset the connection, and all it sent before was given.
        """
        if self._broken:
            raise self._broken
        parts: list[bytes] = []
        # No more than so much at a time: a client that floods must not hold up all others.
        while not self._at_end and len(parts) < MOST_CHUNKS:
            try:
                part = self._sock.recv(CHUNK)
            except (BlockingIOError, InterruptedError):
                break
            except ConnectionError as error:
                self._broken = error
                if parts:  # such as the alert that says why a client rejects a certificate
                    break
                raise
            self._at_end = not part
            parts.append(self._counted(part))
        return b"".join(parts)

    async def send(self, data: bytes) -> None:
        """Send octets, under TLS where that is up.

        Raises:
            ConnectionError: The client is gone.
        """
        if self._grouped is not None:
            self._grouped.append(data)
        elif self._tls is None:
            await self._send_raw(data)
        else:
            self._tls.write(data)
            await self._flush()

    def group(self) -> None:
        """Hold back what is sent until there is nothing left to read, or for good."""
        if self._grouped is None:
            self._grouped = []

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands as the server.

        Raises:
            ssl.SSLError: The client rejected the certificate, or spoke no TLS.
            ConnectionError: The client went away.
        """
        context.sni_callback = _note_name
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        try:
            await self._shake_hands(tls)
        except ssl.SSLError as error:
            self.tls_error = error.reason or str(error)
            raise
        finally:
            self.server_name = _names.get(tls)
        self._tls = tls

    async def drain(self) -> None:
        """Read and drop everything until the client hangs up."""
        with contextlib.suppress(OSError):
            while not self._at_end:
                self.poll_raw()
                await self._wait()

    def end(self) -> None:
        """Announce with FIN that nothing more will be sent; reading goes on."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        self._ended()

    async def close(self) -> None:
        """Send FIN, and wait for the client's.

        What the client still sends is read: closing a socket that holds unread octets sends RST.
        """
        if self._tls:
            await self._say_goodbye(self._tls)
        self.end()
        await self.drain()
        self._sock.close()

    def reset(self) -> None:
        """Break off with RST."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._sock.close()
        self._ended()

    def _ended(self) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()

    def drop(self) -> None:
        """Close the socket without ceremony; harmless after `close` and `reset`."""
        self._sock.close()

    def _counted(self, data: bytes) -> bytes:
        self.bytes_received += len(data)
        if data and self._spoke:
            self.round_trips += 1
            self._spoke = False
        return data

    def _decrypted(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        self._incoming.write(data)
        parts = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while part := self._tls.read(CHUNK):
                parts.append(part)
            self._at_end = True  # the client's close_notify
        return b"".join(parts)

    async def _wait(self) -> None:
        """Wait until the socket has something to read, and leave it there."""
        if self._at_end or self._broken or self._sock.fileno() < 0:
            return
        await readable(self._sock)

    async def _send_raw(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)
        self.bytes_sent += len(data)
        self._spoke = True

    async def _send_grouped(self) -> None:
        parts, self._grouped = self._grouped, None
        if parts:
            await self.send(b"".join(parts))

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._send_raw(data)

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._read_on()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return

    async def _read_on(self) -> None:
        await self._wait()
        data = self.poll_raw()
        if not data:
            raise ConnectionResetError("the client hung up during the handshake")
        self._incoming.write(data)

    async def _say_goodbye(self, tls: ssl.SSLObject) -> None:
        with contextlib.suppress(ssl.SSLError):
            tls.unwrap()
        with contextlib.suppress(OSError):
            await self._flush()


async def readable(sock: socket.socket) -> None:
    """Wait until a socket has something to read or to accept, and leave it there."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock)


# A handshake has no other way to say which name was asked for.
_names: Final[weakref.WeakKeyDictionary[_Tls, str | None]] = weakref.WeakKeyDictionary()


def _note_name(tls: _Tls, name: str | None, _: ssl.SSLContext) -> None:
    _names[tls] = name
