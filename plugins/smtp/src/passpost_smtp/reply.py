"""The one reader of an SMTP server's replies: bytes in, replies out, no I/O (RFC 5321 section 4.2).

Whatever the bytes are and however they are cut, the reader gives the same replies and, where they
are not SMTP, the same complaint; it holds no more than `MAX_REPLY` and one line of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from passpost_smtp import _

MAX_LINE: Final = 2048
"""Octets in a line; RFC 5321 section 4.5.3.1.5 allows 512, and a few servers write more."""
MAX_LINES: Final = 128
"""Lines in one reply; an answer to EHLO has about ten."""
MAX_REPLY: Final = 32768
"""Octets in one reply, all its lines together."""

_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
SHUTTING_DOWN: Final = 421
"""The code of a server that closes the connection, whatever it was asked."""

_CODES: Final = {str(code).encode(): code for code in range(200, 600)}
"""The codes of final and intermediate replies; there are no preliminary ones in SMTP."""
_MARKS: Final = frozenset((b" ", b"-", b"\r", b""))
"""What is behind the code: a space, a hyphen where more lines follow, or nothing."""


class Reply:
    """One reply: a code of three digits, and the text of its lines.

    Args:
        code: 200 to 599.
        lines: The text behind the code, line by line, as it came.
    """

    __slots__ = ("code", "lines")

    def __init__(self, code: int, lines: tuple[bytes, ...]) -> None:
        self.code = code
        self.lines = lines

    @property
    def positive(self) -> bool:
        """Whether the server did, or will do, what it was asked."""
        return self.code < 400  # noqa: PLR2004 - 4yz and 5yz are the negative replies

    @property
    def closing(self) -> bool:
        """Whether the server says that it closes the connection."""
        return self.code == SHUTTING_DOWN

    @property
    def text(self) -> str:
        """The text in one line, without what steers a terminal; it may quote what was sent."""
        joined = b" ".join(self.lines).decode("utf-8", "replace")
        if joined.isprintable():
            return joined
        return "".join(letter if letter.isprintable() else " " for letter in joined)

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463), such as ``5.7.8``, or None."""
        match = _ENHANCED.match(self.lines[0].decode("ascii", "replace"))
        return match[1] if match else None

    @property
    def status(self) -> str:
        """The code with its enhanced one: ``535 5.7.8``."""
        enhanced = self.enhanced
        return f"{self.code} {enhanced}" if enhanced else str(self.code)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reply):
            return NotImplemented
        return self.code == other.code and self.lines == other.lines

    def __hash__(self) -> int:
        return hash((self.code, self.lines))

    def __repr__(self) -> str:
        # The text stays out: a server may quote a password or a code in it.
        return f"Reply({self.status})"


class ProtocolError(Exception):
    """What a server sent is not an SMTP reply; the text quotes nothing of it."""


def _whole(data: bytes) -> list[Reply]:
    """Read replies of one line each that came whole, as nearly all do; none where they did not."""
    if data[-2:] != b"\r\n" or len(data) > MAX_LINE:
        return []
    replies = []
    for line in data[:-2].split(b"\r\n"):
        code = _CODES.get(line[:3])
        if code is None or line[3:4] != b" " or b"\n" in line:
            return []
        replies.append(Reply(code, (line[4:],)))
    return replies


class ReplyReader:
    """Cuts a stream of bytes into replies.

    A fault does not take away the replies that came before it: `feed` gives those, and from then on
    `error` says what was wrong and every further byte is ignored.

    Attributes:
        error: Why the stream is not SMTP, or None so far.
    """

    __slots__ = ("_code", "_known", "_known_data", "_lines", "_rest", "_size", "error")

    def __init__(self) -> None:
        self.error: ProtocolError | None = None
        self._rest = b""
        self._code = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._known_data = b""
        self._known: tuple[Reply, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether part of a reply has come whose rest has not."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> Sequence[Reply]:
        """Take bytes as they arrive, and give the replies that they complete."""
        if not (self._rest or self._lines) and self.error is None:
            # Most servers answer MAIL, RCPT and DATA in the same words each time: to know them
            # again costs a twentieth of reading them, which is 2 µs an email.
            if data == self._known_data:
                return self._known
            if whole := _whole(data):
                if len(whole) > 1:
                    self._known_data, self._known = data, tuple(whole)
                return whole
        replies: list[Reply] = []
        if self.error is None:
            try:
                self._cut(self._rest + data, replies)
            except ProtocolError as error:
                self.error = error
                self._rest = b""
                self._lines.clear()
        return replies

    def _cut(self, data: bytes, replies: list[Reply]) -> None:
        start = 0
        # A bare LF ends a line as well, as some servers have it. Unlike in a message, nothing hangs
        # on that: nobody else reads the same bytes.
        while (end := data.find(b"\n", start)) >= 0:
            if end - start > MAX_LINE:
                break
            if reply := self._line(data[start:end]):
                replies.append(reply)
            start = end + 1
        self._rest = data[start:]
        if start + MAX_LINE < (end if end >= 0 else len(data)):
            raise ProtocolError(_("a line of more than {most} octets", most=MAX_LINE))

    def _line(self, line: bytes) -> Reply | None:
        code, mark = line[:3], line[3:4]
        number = _CODES.get(code)
        if number is None:
            raise ProtocolError(_("a line that does not begin with a reply code"))
        if self._lines and code != self._code:
            raise ProtocolError(_("a reply whose lines have different codes"))
        if mark not in _MARKS:
            raise ProtocolError(_("a reply code without a space or hyphen behind it"))
        text = line[4:-1] if line.endswith(b"\r") else line[4:]
        if mark == b"-":
            self._continue(code, text)
            return None
        return self._finish(number, text) if self._lines else Reply(number, (text,))

    def _continue(self, code: bytes, text: bytes) -> None:
        self._code = code
        self._lines.append(text)
        self._size += len(text)
        if len(self._lines) >= MAX_LINES or self._size > MAX_REPLY:
            raise ProtocolError(_("a reply that does not end"))

    def _finish(self, number: int, text: bytes) -> Reply:
        reply = Reply(number, (*self._lines, text))
        self._lines.clear()
        self._size = 0
        return reply
