"""Reading an email's content off the wire, by DATA and by BDAT, and what may not be in it."""

from __future__ import annotations

import re
from typing import Final

from pytest_passpost.servers.smtp.rules import MAX_TEXT_LINE

_END: Final = b"\r\n.\r\n"
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_NOT_STUFFED: Final = re.compile(rb"(?:\A|\r\n)\.[^.\r]")


class DataReader:
    """Reads the content that follows DATA up to the line that is a single dot.

    Only CRLF ends a line: a bare LF never ends an email, which is how emails are smuggled into
    others (CVE-2023-51764).

    Attributes:
        octets: How much came in so far.
    """

    def __init__(self) -> None:
        # The line break that ended the command is the one before the first line.
        self._raw = bytearray(b"\r\n")
        self.octets = 0

    def take(self, buffer: bytearray) -> bytes | None:
        """Take content from the buffer, and leave in it what follows.

        Returns:
            The content as it came, dots and all but the last line, once that has come.
        """
        searched = max(0, len(self._raw) - len(_END) + 1)
        before = len(self._raw)
        self._raw += buffer
        at = self._raw.find(_END, searched)
        if at < 0:
            self.octets += len(buffer)
            buffer.clear()
            return None
        end = at + len(_END)
        self.octets += end - before
        del buffer[: end - before]
        return bytes(self._raw[2 : at + 2])


class ChunkReader:
    """Reads the octets that follow a BDAT command (RFC 3030).

    Args:
        size: How many there are.

    Attributes:
        octets: How many came in so far.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._raw = bytearray()

    @property
    def octets(self) -> int:
        """How much came in so far."""
        return len(self._raw)

    @property
    def came(self) -> bytes:
        """What came in so far."""
        return bytes(self._raw)

    def take(self, buffer: bytearray) -> bytes | None:
        """Take octets from the buffer, and return the chunk once it is complete."""
        wanted = self._size - len(self._raw)
        self._raw += buffer[:wanted]
        del buffer[:wanted]
        return bytes(self._raw) if len(self._raw) == self._size else None


def unstuffed(raw: bytes) -> bytes:
    """Remove the dots that come before lines which begin with one (RFC 5321 section 4.5.2)."""
    return (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]


def not_stuffed(raw: bytes) -> str | None:
    """Return whether a line begins with a dot that no client would have put there."""
    if _NOT_STUFFED.search(raw):
        return "a line that begins with a dot was not dot-stuffed (RFC 5321 section 4.5.2)"
    return None


def flaw(data: bytes, *, eight_bit: bool, smtputf8: bool) -> str | None:
    """Return what may not be in an email's content, or None where it is well.

    Args:
        data: The email, dots removed.
        eight_bit: Whether octets above 127 may be in its body (BODY=8BITMIME).
        smtputf8: Whether they may be in its header.
    """
    header, _, body = data.partition(b"\r\n\r\n")
    flaws = {
        "a bare CR or LF (RFC 5321 section 2.3.8)": _BARE.search(data),
        "a NUL (RFC 5321 section 4.5.2)": b"\0" in data,
        "octets above 127 in the header without SMTPUTF8 (RFC 6532)": not (
            smtputf8 or header.isascii()
        ),
        "octets above 127 without BODY=8BITMIME (RFC 6152)": not (eight_bit or body.isascii()),
        f"a line of more than {MAX_TEXT_LINE} octets (RFC 5321 section 4.5.3.1.6)": (
            max(map(len, data.split(b"\r\n"))) + 2 > MAX_TEXT_LINE
        ),
        "a last line without CRLF (RFC 5321 section 4.1.1.4)": not (
            data.endswith(b"\r\n") or not data
        ),
    }
    return next((what for what, found in flaws.items() if found), None)


__all__ = ["ChunkReader", "DataReader", "flaw", "not_stuffed", "unstuffed"]
