"""An SMTP server that accepts every email, or does wrong on purpose.

It is our own: 2,000 emails a second leave less than 500 microseconds for each. Servers on asyncio's
streams require more.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

import attrs

from passpost_console.inbox.faults import REPLIES, Fault, Faults, Kind

MOST_BYTES: Final = 25 << 20
"""Bytes in the largest email."""

Deliver = Callable[[str, tuple[str, ...], bytes], None]
"""Keeps an email: envelope sender, envelope recipients, source."""

_LONGEST_LINE: Final = 12_288 + 2
_MOST_RECIPIENTS: Final = 100
_MOST_ERRORS: Final = 20
_PATIENCE: Final = 300.0
_BUFFER: Final = 1 << 20
_AT_ONCE: Final = 100
MOST_PENDING: Final = 256 << 20
"""Bytes that all connections together may have sent of emails whose end has not come."""

# RFC 5321 has 256 octets for a path; some programs send longer ones.
_PATH: Final = re.compile(r"(FROM|TO):\s*<([^<>\x00-\x1f\x7f]{0,1000})>(?:\s+(.*))?", re.IGNORECASE)
_CHUNK: Final = re.compile(r"(\d{1,9})(?:\s+(LAST))?", re.IGNORECASE)

_END: Final = b"\r\n.\r\n"


@attrs.define
class _Transaction:
    """An email that is under way.

    Attributes:
        sender: The envelope sender; None before MAIL.
        recipients: The envelope recipients.
        content: What came by BDAT.
        in_content: Whether what comes is the content, which a dot ends.
        expected: The octets of the present chunk that are to come, and whether it is the last one.
        refusal: The reply to an email of which more came than there is room for.
        scanned: The octets in which the end of the content is not.
    """

    sender: str | None = None
    recipients: list[str] = attrs.field(factory=list)
    content: bytearray = attrs.field(factory=bytearray)
    in_content: bool = False
    expected: tuple[int, bool] | None = None
    refusal: str = ""
    scanned: int = 0


class Session(asyncio.Protocol):
    """One connection.

    Args:
        deliver: Keeps an email.
        faults: What goes wrong.
        sessions: All connections; this one adds and removes itself.
        most: The most connections at a time.
    """

    def __init__(
        self, deliver: Deliver, faults: Faults, sessions: set[Session], most: int = 500
    ) -> None:
        self._deliver = deliver
        self._faults = faults
        self._sessions = sessions
        self._most = most
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._errors = 0
        self._waiting: asyncio.TimerHandle | None = None
        self._closing = False
        self._unread = False
        self._heard_all = False
        self._now = _Transaction()
        self._exchange: Callable[[], None] | None = None
        self._questions = 0
        self._commands: dict[str, Callable[[str], None]] = {
            "EHLO": self._hello, "HELO": self._old_hello, "MAIL": self._mail, "RCPT": self._rcpt,
            "DATA": self._data, "BDAT": self._bdat, "AUTH": self._auth, "RSET": self._rset,
            "NOOP": lambda _: self._say("250 2.0.0 Ok"),
            "VRFY": lambda _: self._say("252 2.5.2 Send some email"),
            "QUIT": lambda _: self._close("221 2.0.0 Bye"),
        }  # fmt: skip

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a stream server makes
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(_PATIENCE, self._check)
        self._sessions.add(self)
        if len(self._sessions) > self._most:
            self._close("421 4.3.2 Too many connections")
        else:
            self._say("220 localhost ESMTP passpost inbox")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - clients go away
        """Forget the connection."""
        self._sessions.discard(self)
        self._timer.cancel()
        if self._waiting is not None:
            self._waiting.cancel()
        self._closing = True

    def eof_received(self) -> bool:
        """Keep the connection while a reply is still to be sent."""
        self._heard_all = True
        # True: it stays open.
        return self._waiting is not None or self._unread

    def data_received(self, data: bytes) -> None:
        """Answer what has come."""
        self._last = self._loop.time()
        self._buffer += data
        if self.pending > _BUFFER and sum(one.pending for one in self._sessions) > MOST_PENDING:
            self._now.refusal = self._now.refusal or _NO_ROOM
        # While a reply is delayed, whatever the client still sends has to wait.
        if self._waiting is not None and len(self._buffer) > _BUFFER:
            self._transport.pause_reading()
        self._work()

    def pause_writing(self) -> None:
        """Answer nothing more to a client that reads no reply."""
        self._unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on with a client that reads again."""
        self._unread = False
        self._last = self._loop.time()
        self._work()
        if not (self._waiting or self._unread):
            self._transport.resume_reading()

    @property
    def pending(self) -> int:
        """Bytes that have come of what is not finished."""
        return len(self._buffer) + len(self._now.content)

    def end(self) -> None:
        """Break the connection off."""
        self._closing = True
        self._transport.abort()

    def _work(self) -> None:
        while not (self._waiting or self._closing or self._unread) and self._step():
            if len(self._replies) >= _AT_ONCE:
                self._flush()
        self._flush()

    def _step(self) -> bool:
        """Do what is next, and return whether anything could be done."""
        if self._now.expected is not None:
            return self._take_chunk(*self._now.expected)
        if self._now.in_content:
            return self._take_content()
        end = self._buffer.find(b"\n")
        if end < 0 or end > _LONGEST_LINE:
            if len(self._buffer) > _LONGEST_LINE:
                self._close("500 5.5.2 The line is too long")
            return False
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._command(line.rstrip(b"\r\n").decode("utf-8", "replace"))
        return True

    def _command(self, line: str) -> None:
        if self._exchange is not None:
            self._exchange()
            return
        verb, _, argument = line.partition(" ")
        answer = self._commands.get(verb.upper())
        if answer is None:
            self._wrong("500 5.5.2 Unknown command")
        else:
            answer(argument.strip())

    def _hello(self, argument: str) -> None:  # noqa: ARG002 - whatever the client calls itself
        self._reset()
        self._say(_HELLO)

    def _old_hello(self, argument: str) -> None:  # noqa: ARG002 - likewise
        self._reset()
        self._say("250 localhost")

    def _mail(self, argument: str) -> None:
        match = _PATH.fullmatch(argument)
        if match is None or match[1].upper() != "FROM":
            self._wrong("501 5.5.4 MAIL FROM:<address>")
        elif self._now.sender is not None:
            self._wrong("503 5.5.1 MAIL was sent already")
        else:
            self._now.sender = match[2]
            self._say("250 2.1.0 Sender ok")

    def _rcpt(self, argument: str) -> None:
        match = _PATH.fullmatch(argument)
        if match is None or match[1].upper() != "TO" or not match[2]:
            self._wrong("501 5.5.4 RCPT TO:<address>")
        elif self._now.sender is None:
            self._wrong("503 5.5.1 MAIL first")
        elif len(self._now.recipients) >= _MOST_RECIPIENTS:
            self._say("452 4.5.3 Too many recipients")
        else:
            self._now.recipients.append(match[2])
            self._say("250 2.1.5 Recipient ok")

    def _data(self, argument: str) -> None:  # noqa: ARG002 - DATA has none
        if not self._now.recipients:
            self._wrong("503 5.5.1 RCPT first")
        else:
            self._now.in_content = True
            self._say("354 Go ahead")

    def _bdat(self, argument: str) -> None:
        match = _CHUNK.fullmatch(argument)
        if match is None:
            # Where the chunk ends is unknown.
            self._close("501 5.5.4 BDAT SIZE [LAST]")
        else:
            self._now.expected = (int(match[1]), match[2] is not None)

    def _auth(self, argument: str) -> None:
        """Let everybody in: what they show is neither checked nor kept."""
        mechanism, _, first = argument.partition(" ")
        asked = {"PLAIN": 1, "LOGIN": 2}.get(mechanism.upper())
        if asked is None:
            self._wrong("504 5.5.4 AUTH PLAIN or AUTH LOGIN")
            return
        self._questions = asked - bool(first)
        self._exchange = self._next_question
        if not self._questions:
            self._admit()
        else:
            self._say("334 " if asked == 1 else "334 UGFzc3dvcmQ6" if first else "334 VXNlcm5hbWU6")

    def _next_question(self) -> None:
        self._questions -= 1
        if self._questions:
            self._say("334 UGFzc3dvcmQ6")
        else:
            self._admit()

    def _admit(self) -> None:
        self._exchange = None
        self._say("235 2.7.0 Everybody may enter")

    def _rset(self, argument: str) -> None:  # noqa: ARG002 - RSET has none
        self._reset()
        self._say("250 2.0.0 Ok")

    def _take_content(self) -> bool:
        if not self._now.content and self._buffer.startswith(b".\r\n"):
            del self._buffer[:3]
            self._finish(b"")
            return True
        end = self._buffer.find(_END, max(self._now.scanned - len(_END), 0))
        if end < 0:
            self._now.scanned = len(self._buffer)
            if self._now.scanned > MOST_BYTES:
                self._now.refusal = _TOO_LARGE
            if self._now.refusal:
                # What came is not needed; the end may have begun.
                self._now.content[:] = b"."
                del self._buffer[: -len(_END)]
                self._now.scanned = 0
            return False
        if end > MOST_BYTES:
            self._now.refusal = _TOO_LARGE
        source = bytes(self._buffer[: end + 2])
        del self._buffer[: end + len(_END)]
        if source.startswith(b"."):
            source = source[1:]
        self._finish(source.replace(b"\r\n.", b"\r\n"))
        return True

    def _take_chunk(self, size: int, is_last: bool) -> bool:
        now = self._now
        if now.recipients and len(now.content) + size > MOST_BYTES:
            now.refusal = _TOO_LARGE
        if now.refusal or not now.recipients:
            # The chunk is read all the same: it is not a command.
            now.content.clear()
            gone = min(size, len(self._buffer))
            del self._buffer[:gone]
            now.expected = (size - gone, is_last) if gone < size else None
            if now.expected is None:
                self._say_of_lost_chunk(is_last=is_last)
            return now.expected is None
        if len(self._buffer) < size:
            return False
        now.expected = None
        now.content += self._buffer[:size]
        del self._buffer[:size]
        if is_last:
            self._finish(bytes(now.content))
        else:
            self._say("250 2.0.0 Ok")
        return True

    def _say_of_lost_chunk(self, *, is_last: bool) -> None:
        if not self._now.refusal:
            self._wrong("503 5.5.1 RCPT first")
            return
        self._say(self._now.refusal)
        if is_last:
            self._reset()

    def _finish(self, source: bytes) -> None:
        done = self._now
        sender, recipients = done.sender or "", tuple(done.recipients)
        self._reset()
        if done.refusal:
            self._say(done.refusal)
            return
        fault = self._faults.strike(recipients)
        match fault:
            case Fault(kind=Kind.DROP):
                self._closing = True
                self._replies.clear()
                self._transport.abort()
            case Fault(kind=Kind.DELAY):
                self._deliver(sender, recipients, source)
                self._waiting = self._loop.call_later(fault.seconds, self._go_on)
            case Fault():
                self._say(REPLIES[fault.kind])
            case None:
                self._deliver(sender, recipients, source)
                self._say(_TAKEN)

    def _go_on(self) -> None:
        self._waiting = None
        self._last = self._loop.time()
        self._say(_TAKEN)
        self._work()
        if not self._unread:
            self._transport.resume_reading()
        if self._heard_all and self._waiting is None:
            self._transport.close()

    def _reset(self) -> None:
        self._now = _Transaction()
        self._exchange = None

    def _wrong(self, reply: str) -> None:
        self._errors += 1
        if self._errors > _MOST_ERRORS:
            self._close("421 4.7.0 Too many errors")
        else:
            self._say(reply)

    def _say(self, reply: str) -> None:
        self._replies.append(reply.encode() + b"\r\n")

    def _close(self, reply: str) -> None:
        self._say(reply)
        self._closing = True

    def _flush(self) -> None:
        if self._replies:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()
        if self._closing:
            self._transport.close()

    def _check(self) -> None:
        idle = self._loop.time() - self._last
        if idle >= _PATIENCE:
            self.end()
        else:
            self._timer = self._loop.call_later(_PATIENCE - idle, self._check)


_TOO_LARGE: Final = "552 5.3.4 The email is too large"
_NO_ROOM: Final = "452 4.3.1 Too many emails are under way"
_TAKEN: Final = "250 2.0.0 Ok: it is in the inbox"

_HELLO: Final = "\r\n".join((
    "250-localhost", "250-PIPELINING", f"250-SIZE {MOST_BYTES}", "250-8BITMIME", "250-SMTPUTF8",
    "250-CHUNKING", "250-AUTH PLAIN LOGIN", "250 ENHANCEDSTATUSCODES",
))  # fmt: skip
