"""One connection to a server: bytes out, replies in, and exactly how it ended.

Nothing here raises when the network fails: `Connection.exchange` gives the replies that came, and
`Connection.fault` says why there were no more. Who asked knows which command each reply is for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from passpost.wire import Alarm
from passpost_smtp.fault import Fault, tls_fault
from passpost_smtp.reply import SHUTTING_DOWN, Reply, ReplyReader
from passpost_smtp.tls import TlsLayer
from passpost_smtp.trace import describe

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from passpost_smtp.trace import Trace

_BUFFER: Final = 16384
"""Octets read at a time: a TLS record, or some hundred replies."""

_LINGER: Final = 1.0
"""Seconds for the last bytes of a connection that is closed in order."""

Then = Callable[[Sequence["Reply"]], bool]
"""Takes the replies the moment they are there, and returns whether it has written more."""


class Connection(asyncio.BufferedProtocol):
    """A connected socket that speaks SMTP, with or without TLS.

    Args:
        loop: The loop it lives on.
        sock: The socket, connected and not blocking; the transport owns it.
        greets: Whether the server speaks first in clear; False where TLS comes before everything.

    Attributes:
        fault: Why it is of no more use, or None as long as it lives.
        unsent: Whether bytes that were written have not all been handed to the kernel. Where the
            connection is lost with this set, the end of the last write cannot have been sent.
        tls: The TLS layer, or None in clear.
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
        self._replies: list[Reply] = []
        # The greeting may be there before anyone has asked for it.
        self._wanted = 1 if greets else 0
        self._waiter: asyncio.Future[list[Reply]] | None = None
        self._then: Then | None = None
        self._alarm = Alarm(self._ring)
        self._expires = self._patience = self._deadline = 0.0
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
        if self.tls is not None:
            self._wanted = 1
            # It may have come together with the end of the handshake.
            self._receive_encrypted(b"")
        self._patience, self._deadline = seconds, deadline
        return await self._await_replies()

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
            The replies; fewer than wanted if the connection ended, or one said that it closes
            (421).
        """
        self._replies = []
        self._patience, self._deadline = seconds, deadline
        self._then = then if self.trace is None else None
        if self.fault is None:
            self._wanted = wanted
            self._write(data)
        else:
            # Nothing of it goes out, which is as good as all of it being left over.
            self.unsent = True
        heard = self._await_replies(sending)
        return (
            heard if self.trace is None else self._trace_exchange(self.trace, describe(data), heard)
        )

    def continue_exchange(
        self, data: bytes, wanted: int, seconds: float, *, sending: float
    ) -> None:
        """Write more within an exchange, and wait for the replies to that; see `exchange`.

        The task that waits is not woken in between, which takes a turn of the event loop.
        """
        self._replies = []
        self._wanted, self._patience = wanted, seconds
        self._write(data)
        if self._wanted:
            self._arm(sending if self.unsent else seconds)

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

        What came in clear is never taken for the secured server's: its presence is a fault.
        """
        if self._reader.pending:
            self._fail(Fault("order", "bytes in clear came after the reply to STARTTLS"))
        if self.fault is None:
            self.tls = TlsLayer(context, server_name)
            self._wanted = 1
            self._patience, self._deadline = seconds, deadline
            self._continue_handshake(b"")
            await self._await_replies()

    def abort(self, fault: Fault | None = None) -> None:
        """Close at once and for good; whoever waits gets `fault`."""
        self._fail(fault or Fault("aborted"))

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
        if self._waiter is not None:
            self._arm(self._patience)

    def eof_received(self) -> None:
        """Note that the server has closed its side."""
        # Ours is closed as well, at once: bytes that still wait must not complete a message whose
        # outcome is being told.
        self._fail(Fault("closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, and wake whoever waits."""
        if isinstance(exc, OSError):
            self._fail(Fault("reset", exc.strerror or "", exc.errno or 0))
        else:
            self._fail(Fault("closed") if exc is None else Fault("reset"))
        self._alarm.stop()
        self._gone.set()
        if self.on_lost is not None:
            self.on_lost(self)

    # The parts of these.

    def _address_of(self, end: str) -> str:
        name = self._transport.get_extra_info(end) if self._transport is not None else None
        return str(name[0]) if name else ""

    def _write(self, data: bytes) -> None:
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

    def _await_replies(self, sending: float = 0.0) -> asyncio.Future[list[Reply]]:
        """Return a future of the replies: done when all are there, or no more will come."""
        waiter = self._loop.create_future()
        if self._wanted and self.fault is None:
            self._waiter = waiter
            self._arm(sending if self.unsent and sending else self._patience)
        else:
            waiter.set_result(self._replies)
        return waiter

    def _wake(self) -> None:
        self._wanted = 0
        self._then = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(self._replies)

    def _receive(self, data: bytes) -> None:
        if self._waiter is not None and self._waiter.done():
            # It was cancelled: what comes from now on was asked for by nobody.
            self._wake()
        for reply in self._reader.feed(data):
            closing = reply.code == SHUTTING_DOWN
            # What came before a fault counts, even if both came in one packet.
            if self._wanted:
                self._replies.append(reply)
                self._wanted -= 1
            elif not closing:
                self._fail(Fault("order", "a reply came that no command had asked for"))
                return
            if closing:
                self._fail(Fault("closed", "the server said that it closes the connection"))
                return
        if self._reader.error is not None:
            self._fail(Fault("garbage", str(self._reader.error)))
        elif self._wanted == 0:
            if self._reader.pending:
                self._fail(Fault("order", "a reply began that no command had asked for"))
            then, self._then = self._then, None
            # Too late, nothing more is said: the timer rings in this turn of the event loop.
            late = self._loop.time() >= self._deadline
            if then is None or late or not then(self._replies):
                self._wake()

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
            self._then = None
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
            self._wake()

    def _flush_tls(self) -> None:
        # Handshake messages, alerts and key updates: what the TLS layer itself has to say.
        if self.tls is not None and self._transport is not None and (out := self.tls.outgoing()):
            self._transport.write(out)

    def _fail(self, fault: Fault) -> None:
        if self.fault is None:
            self.fault = fault
            if self._transport is not None:
                self._transport.abort()
        self._wake()

    def _arm(self, seconds: float) -> None:
        self._expires = min(self._loop.time() + seconds, self._deadline)
        self._alarm.ring_by(self._expires)

    def _ring(self) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._expires:
            # It was put off since.
            self._alarm.ring_by(self._expires)
        else:
            self._fail(Fault("timeout"))
