"""One connection to a server: bytes out, replies in, and exactly how it ended.

Nothing here raises when the network fails: `Connection.exchange` returns the replies that came, and
`Connection.fault` says why there were no more. The caller knows which command each reply is for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from math import inf
from typing import TYPE_CHECKING, Final, cast

from passpost.phrases import said
from passpost_smtp import _
from passpost_smtp.exchange import Exchanges
from passpost_smtp.fault import Fault, tls_fault
from passpost_smtp.reply import ReplyReader
from passpost_smtp.tls import TlsLayer
from passpost_smtp.trace import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from passpost_smtp.exchange import Then
    from passpost_smtp.reply import Reply
    from passpost_smtp.trace import Trace

_BUFFER: Final = 16384
"""Octets read at a time: a TLS record, or some hundred replies."""

_LINGER: Final = 1.0
"""Seconds for the last bytes of a connection that is closed in order."""


class Connection(asyncio.BufferedProtocol):
    """A connected socket that speaks SMTP, with or without TLS.

    Args:
        loop: The loop it lives on.
        sock: The socket, connected and not blocking; the transport owns it.
        greets: Whether the server speaks first, unencrypted; False where TLS comes first.

    Attributes:
        fault: Why it is of no more use, or None as long as it lives.
        unsent: Whether bytes that were written have not all been handed to the kernel. Where the
            connection is lost with this set, the end of the last write cannot have been sent.
        tls: The TLS layer; None while unencrypted.
        trace: Told of each exchange.
        on_lost: Called once, when the connection is lost.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, *, greets: bool = True
    ) -> None:
        self.fault: Fault | None = None
        self.unsent = False
        self.tls: TlsLayer | None = None
        self.trace: Trace | None = None
        self.on_lost: Callable[[Connection], None] | None = None
        self._loop = loop
        self._sock = sock
        self._view = memoryview(bytearray(_BUFFER))
        self._reader = ReplyReader()
        self._exchanges = Exchanges(loop, self._fail)
        # The greeting may be there before anyone has asked for it.
        self._greeting = self._exchanges.begin(1, inf, inf) if greets else None
        self._held = b""
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    @property
    def local_ip(self) -> str:
        """The address of this end."""
        return self._address_of("sockname")

    @property
    def peer_ip(self) -> str:
        """The server's address."""
        return self._address_of("peername")

    @property
    def is_holding(self) -> bool:
        """Whether bytes are held, which would leave in one write with what is written now."""
        return bool(self._held) and self.fault is None

    def is_dropped(self) -> bool:
        """Return whether an idle connection has ended, or received something; end it then.

        The event loop would notice a moment later: too late for an email that is written now.
        """
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            # It was reset.
            pass
        # Were it a reply, it would be taken for the answer to what is sent next.
        self._fail(Fault("closed"))
        return True

    async def greeting(self, seconds: float, deadline: float) -> list[Reply]:
        """Wait for the greeting; see `exchange`."""
        greeting = self._greeting
        if greeting is None:
            greeting = self._exchanges.begin(1, seconds, deadline)
            # It may have come together with the end of the handshake.
            self._receive_encrypted(b"")
        greeting.deadline = deadline
        if self.fault is None:
            self._exchanges.wait(greeting, seconds)
        else:
            self._exchanges.finish_all()
        return await greeting.waiter

    # No coroutine: an application's traceback shows the frames of those that wait, and with them
    # what a message says, or a password. A future also costs each email some 2 µs less.
    def exchange(  # noqa: PLR0913 - what to say, for which answer, within which times
        self,
        data: bytes,
        wanted: int,
        seconds: float,
        deadline: float,
        *,
        sending: float = 0.0,
        then: Then | None = None,
    ) -> Awaitable[list[Reply]]:
        """Write, and wait for replies.

        Args:
            data: What to write.
            wanted: How many replies to wait for.
            seconds: How long to wait for the last of them, once all is written.
            deadline: When to give up at the latest, in the loop's time.
            sending: Seconds for handing the bytes to the kernel; as `seconds` where 0.
            then: Called once all replies are there. It may call `continue_exchange`, whose replies
                are then the ones to return. Not called on a connection that is traced.

        Returns:
            The replies; fewer than asked for if the connection ended, or one said that it closes
            (421).
        """
        exchange = self._exchanges.begin(wanted, seconds, deadline)
        if self.fault is None:
            self._write(data)
            self._exchanges.wait(exchange, sending if self.unsent and sending else seconds)
        else:
            # Nothing of it goes out, which is as good as all of it being left over.
            self.unsent = True
            self._exchanges.finish_all()
        if self.trace is not None:
            return self._trace_exchange(self.trace, describe(data), exchange.waiter)
        exchange.then = then
        return exchange.waiter

    def continue_exchange(
        self,
        data: bytes,
        wanted: int,
        seconds: float,
        *,
        sending: float,
        held: Callable[[], bool] | None = None,
    ) -> None:
        """Write more within an exchange, and wait for the replies to that; see `exchange`.

        The task that waits is not woken in between, which takes a turn of the event loop.

        Args:
            data: As for `exchange`, and so are the next three.
            wanted: See above.
            seconds: See above.
            sending: See above.
            held: Where it is given, the bytes are held for a turn of the event loop, and leave in
                one write with the next exchange if it begins. Returns whether to hold them once
                more.
        """
        exchange = self._exchanges.first
        if exchange is None:
            return
        exchange.replies = []
        exchange.wanted, exchange.seconds = wanted, seconds
        if held is not None:
            self._held = data
            self._loop.call_soon(self._write_held, held)
        else:
            self._write(data)
        self._exchanges.wait(exchange, sending if self.unsent else seconds)

    async def _trace_exchange(
        self, trace: Trace, what: str, heard: asyncio.Future[list[Reply]]
    ) -> list[Reply]:
        replies = await heard
        trace(what, replies)
        return replies

    async def start_tls(
        self, context: ssl.SSLContext, server_name: str, seconds: float, deadline: float
    ) -> None:
        """Do the handshake; `fault` says whether it went wrong.

        What came unencrypted never counts as the secured server's: its presence is a fault.
        """
        if self._reader.pending:
            self._fail(Fault("order", _("unencrypted bytes came after the reply to STARTTLS")))
        if self.fault is None:
            self.tls = TlsLayer(context, server_name)
            handshake = self._exchanges.begin(1, seconds, deadline)
            self._exchanges.wait(handshake, seconds)
            self._continue_handshake(b"")
            await handshake.waiter

    def abort(self, fault: Fault | None = None) -> None:
        """Close at once and for good; those who wait get `fault`."""
        self._fail(fault or Fault("aborted"))

    def abandon(self) -> None:
        """Close for a caller that was cancelled, but not before others have their replies."""
        self._exchanges.abandon()

    async def close(self) -> None:
        """Close in order: what was written is sent first, if the server takes it."""
        transport = self._transport
        if self.fault is None and transport is not None:
            self.fault = Fault("aborted")
            if self.tls is not None and self.tls.done:
                transport.write(self.tls.close_notify())
            transport.close()
            self._loop.call_later(_LINGER, transport.abort)
        await self.wait_closed()

    async def wait_closed(self) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None:
            await self._gone.wait()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and ask to be told of every byte that the kernel does not take."""
        self._transport = cast("asyncio.Transport", transport)
        # The transport pauses us then as soon as one byte is left over, which no count of its
        # buffer could tell once it has thrown the buffer away.
        self._transport.set_write_buffer_limits(high=0)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        """Return the buffer for what has arrived."""
        # Always the same: asyncio would take 256 KB from the heap for each reply otherwise.
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        data = bytes(self._view[:nbytes])
        if self.tls is None:
            self._receive(data)
        elif self.tls.done:
            self._receive_encrypted(data)
        else:
            self._continue_handshake(data)

    def pause_writing(self) -> None:
        """Note that the kernel has not taken all."""
        self.unsent = True

    def resume_writing(self) -> None:
        """Note that the kernel has the last byte; from now on the server has its time to answer."""
        self.unsent = False
        exchange = self._exchanges.first
        if exchange is not None:
            self._exchanges.wait(exchange, exchange.seconds)

    def eof_received(self) -> None:
        """Note that the server has closed its side."""
        # Ours is closed as well, at once: bytes that still wait must not complete a message whose
        # outcome is being told.
        self._fail(Fault("closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, and wake those who wait."""
        if isinstance(exc, OSError):
            self._fail(Fault("reset", exc.strerror or "", exc.errno or 0))
        else:
            self._fail(Fault("closed") if exc is None else Fault("reset"))
        self._exchanges.close()
        self._gone.set()
        if self.on_lost is not None:
            self.on_lost(self)

    # The parts of these.

    def _address_of(self, end: str) -> str:
        name = self._transport.get_extra_info(end) if self._transport is not None else None
        return str(name[0]) if name else ""

    def _write_held(self, held: Callable[[], bool]) -> None:
        if self._held and self.fault is None:
            if held():
                self._loop.call_soon(self._write_held, held)
            else:
                self._write(b"")

    def _write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        transport = self._transport
        if transport is None:
            return
        if self.tls is not None:
            try:
                data = self.tls.encrypt(data)
            except ssl.SSLError as error:
                self.unsent = True
                self._fail(tls_fault(error))
                return
        transport.write(data)
        if transport.is_closing():
            # The kernel took nothing; the loop says why in a moment.
            self.unsent = True

    def _receive(self, data: bytes) -> None:
        reader = self._reader
        if not self._exchanges.assign(reader.feed(data)):
            return
        if reader.error is not None:
            self._fail(Fault("garbage", said(reader.error)))
        else:
            self._exchanges.finish_answered(more=reader.pending)

    def _receive_encrypted(self, data: bytes) -> None:
        if self.tls is None:
            return
        clear, fault = b"", None
        try:
            clear = self.tls.decrypt(data)
        except ssl.SSLError as error:
            fault = tls_fault(error)
        self._flush_tls()
        if fault is not None or self.tls.closed:
            # What came is heard, and nothing more is said.
            self._exchanges.forget_continuations()
        if clear:
            self._receive(clear)
        if fault is not None:
            self._fail(fault)
        elif self.tls.closed:
            self._fail(Fault("closed"))

    def _continue_handshake(self, data: bytes) -> None:
        if self.tls is None:
            return
        fault = None
        try:
            self.tls.continue_handshake(data)
        except ssl.SSLError as error:
            fault = tls_fault(error)
        self._flush_tls()
        if fault is not None:
            self._fail(fault)
        elif self.tls.done:
            self._exchanges.finish_first()

    def _flush_tls(self) -> None:
        # Handshake messages, alerts and key updates: what the TLS layer itself has to say.
        if self.tls is not None and self._transport is not None and (out := self.tls.outgoing()):
            self._transport.write(out)

    def _fail(self, fault: Fault) -> None:
        if self.fault is None:
            self.fault = fault
            if self._transport is not None:
                self._transport.abort()
        self._exchanges.finish_all()
