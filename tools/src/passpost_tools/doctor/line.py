"""One connection to a server, for a look at what it says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

if TYPE_CHECKING:
    from passpost import Server
    from passpost._network.dial import AddressInfo

_MAX_LINES: Final = 64
_SHOWN: Final = 200


class GarbageError(Exception):
    """The server's bytes are not of its protocol.

    Attributes:
        is_tls: Whether they are those of TLS.
    """

    def __init__(self, octets: bytes) -> None:
        super().__init__("not the protocol")
        self.is_tls = octets[:2] in {b"\x15\x03", b"\x16\x03"}


@attrs.frozen
class Reply:
    """A reply of an SMTP server.

    Attributes:
        code: Its three digits.
        lines: The texts of its lines.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The code and the first line, cut to what fits."""
        return f"{self.code} {self.lines[0]}".strip()[:_SHOWN]

    @property
    def accepts(self) -> bool:
        """Whether the server agrees (2yz)."""
        return 200 <= self.code < 300  # noqa: PLR2004 - as RFC 5321 numbers them


class Line:
    """One connection; use it in an ``async with`` block.

    Attributes:
        asked: The last command that was sent; empty before the first one.

    Args:
        server: The server.
        address: One of its addresses.
        seconds: How long each step may take.
    """

    def __init__(self, server: Server, address: AddressInfo, seconds: float) -> None:
        self._server = server
        self._address = address
        self._seconds = seconds
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.asked = ""

    async def __aenter__(self) -> Self:
        sock = await connected(self._address, self._server.local_address, self._seconds)
        try:
            self._reader, self._writer = await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            # Whatever the connection ended with was reported where it happened.
            await asyncio.wait([asyncio.ensure_future(_closed(self._writer))], timeout=1)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """What is known of the encryption; None without any."""
        found: ssl.SSLObject | None = self._streams()[1].get_extra_info("ssl_object")
        return found

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt the connection.

        Raises:
            OSError: It failed; `ssl.SSLError` is one.
            TimeoutError: The server did not answer.
        """
        async with asyncio.timeout(self._seconds):
            await self._streams()[1].start_tls(context, server_hostname=self._server.server_name)

    async def command(self, text: str) -> Reply:
        """Send a command, and return the reply.

        Raises:
            OSError: The connection broke.
            TimeoutError: The server did not answer.
            GarbageError: What came is not SMTP.
        """
        self.asked = text.partition(" ")[0]
        self._streams()[1].write(f"{text}\r\n".encode())
        return await self.reply()

    async def reply(self) -> Reply:
        """Return the next reply.

        Raises:
            OSError: The connection broke.
            TimeoutError: The server did not answer.
            GarbageError: What came is not SMTP.
        """
        lines: list[str] = []
        async with asyncio.timeout(self._seconds):
            while len(lines) < _MAX_LINES:
                octets = await self.read_line()
                if not octets[:3].isdigit() or octets[3:4] not in {b" ", b"-", b"\r", b"\n"}:
                    raise GarbageError(octets)
                lines.append(octets[4:].decode("utf-8", "replace").strip())
                if octets[3:4] != b"-":
                    return Reply(int(octets[:3]), tuple(lines))
        raise GarbageError(b"")

    async def request(self, text: str) -> tuple[str, dict[str, str]]:
        """Send the head of an HTTP request; return the status line and the headers.

        Raises:
            OSError: The connection broke.
            TimeoutError: The server did not answer.
            GarbageError: What came is not HTTP.
        """
        self.asked = text.partition(" ")[0]
        self._streams()[1].write(text.encode("ascii"))
        async with asyncio.timeout(self._seconds):
            status = (await self.read_line()).decode("latin-1").strip()
            if not status.startswith("HTTP/1."):
                raise GarbageError(status.encode("latin-1"))
            headers: dict[str, str] = {}
            while len(headers) < _MAX_LINES and (line := (await self.read_line()).strip()):
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
        return status[:_SHOWN], headers

    async def read_line(self) -> bytes:
        """Return the next line.

        Raises:
            OSError: The connection broke, or ended.
            GarbageError: It has no end.
        """
        reader = self._streams()[0]
        try:
            return await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise GarbageError(error.partial) from None
        except asyncio.LimitOverrunError:
            raise GarbageError(b"") from None
        raise ConnectionResetError

    def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            raise RuntimeError("the connection is not open")
        return self._reader, self._writer


async def connected(
    address: AddressInfo, local_address: str | None, seconds: float
) -> socket.socket:
    """Return a socket that is connected to an address.

    Raises:
        OSError: It cannot be connected to.
        TimeoutError: There was no answer.
    """
    family, kind, protocol, _, target = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        if local_address is not None:
            sock.bind((local_address, 0))
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await writer.wait_closed()


def chain_of(tls: Any) -> list[dict[str, Any]]:
    """Return the certificates that a server sent, its own first; empty if they cannot be read."""
    try:
        # The standard library reads certificates that it did not verify only here.
        inner: Any = getattr(tls, "_sslobj", None)
        return [dict(one.get_info()) for one in inner.get_unverified_chain() or ()]
    except (AttributeError, ssl.SSLError, TypeError):
        return []
