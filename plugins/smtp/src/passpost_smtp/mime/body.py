"""Bodies: text to lines, and lines to what the way to the recipient lets through (RFC 2045)."""

from __future__ import annotations

import os
import struct
from binascii import b2a_base64, b2a_qp
from typing import TYPE_CHECKING, Final, NamedTuple

from passpost_smtp import _
from passpost_smtp.errors import invalid_part
from passpost_smtp.mime.headers import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

_BASE64_LINE: Final = 76

# What quoted-printable leaves as it is.
_LITERAL: Final = bytes(octet for octet in range(0x20, 0x7F) if octet != ord("=")) + b"\t\r\n"

# binascii.b2a_qp encodes white space at the end of a line only after it has counted the line, which
# then may have 77 octets, and never encodes the "From " that mailbox files change to ">From ". So
# these go in as control characters, which it encodes in time, and come out as what they stand for.
_GUARDS: Final = (
    (b" ", b" \r\n", b"\x01\r\n", b"=01", b"=20"),
    (b"\t", b"\t\r\n", b"\x02\r\n", b"=02", b"=09"),
    (b"F", b"From ", b"\x03rom ", b"=03", b"=46"),
)
_CONTROLS: Final = (b"\x01", b"\x02", b"\x03")


class Part(NamedTuple):
    """A body, and the header fields that say how to read it.

    Attributes:
        fields: Content-Type and Content-Transfer-Encoding, with the empty line after them.
        data: The encoded body; it ends with CRLF.
        encoding: The Content-Transfer-Encoding.
    """

    fields: str
    data: bytes
    encoding: str


def text_part(subtype: str, text: str, *, eight_bit: bool) -> Part:
    """Return the part of a text: 7bit or 8bit if that will do, else the shorter encoding.

    Args:
        subtype: ``plain`` or ``html``.
        text: The text. CRLF, CR and LF each end a line; the last line is ended if it is not.
        eight_bit: Whether the server takes 8-bit text (RFC 6152).

    Raises:
        SendError: The text holds a surrogate.
    """
    data = text_lines(text)
    encoding = "7bit" if text.isascii() else "8bit"
    if (encoding == "8bit" and not eight_bit) or not _passes(data):
        encoding, data = _shorter(data)
    return Part(_fields(f"text/{subtype}; charset=utf-8", encoding), data, encoding)


def alternative_part(parts: Sequence[Part], boundary: str) -> Part:
    """Return one part that offers several, the plainest first (RFC 2046 section 5.1.4).

    Args:
        parts: The parts.
        boundary: What to put between them, unless one of them holds it: then a fresh one is made.
    """
    while any(boundary.encode() in part.data for part in parts):
        boundary = new_boundary()
    pieces = [
        piece
        for part in parts
        for piece in (f"--{boundary}\r\n{part.fields}".encode(), part.data, b"\r\n")
    ]
    pieces.append(f"--{boundary}--\r\n".encode())
    encoding = "8bit" if any(part.encoding == "8bit" for part in parts) else "7bit"
    fields = _fields(f'multipart/alternative; boundary="{boundary}"', encoding)
    return Part(fields, b"".join(pieces), encoding)


def new_boundary() -> str:
    """Make a boundary that no base64 or quoted-printable can hold, for its ``=_``."""
    return f"=_{os.urandom(12).hex()}"


def text_lines(text: str) -> bytes:
    """Return a text in UTF-8 with each line ended by CRLF, the last one too.

    Raises:
        SendError: The text holds a surrogate.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    try:
        return text.encode().replace(b"\n", b"\r\n")
    except UnicodeEncodeError:
        # Raised below: the original error carries the text itself.
        pass
    why = _("it contains a lone surrogate, which is not a character")
    raise invalid_part(_("the content"), why)


def _fields(content_type: str, encoding: str) -> str:
    return f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"


def _passes(data: bytes) -> bool:
    """Return whether lines arrive as they are: no NUL, no long one, no "From " at the start."""
    # To look for one letter costs a thirtieth of looking for the word, and much text has none.
    if b"\0" in data or (b"F" in data and _has_from_line(data)):
        return False
    return not _has_long_line(data)


def _has_from_line(data: bytes) -> bool:
    return b"\nFrom " in data or data.startswith(b"From ")


def _has_long_line(data: bytes) -> bool:
    # From line end to line end in steps as long as a line may be: most lines are never looked at.
    start, last = 0, len(data) - MAX_LINE - 2
    while start < last:
        start = data.rfind(b"\n", start, start + MAX_LINE + 2) + 1
        if not start:
            return True
    return False


def _shorter(data: bytes) -> tuple[str, bytes]:
    to_escape = len(data.translate(None, _LITERAL))
    base64_size = _base64_size(data)
    # Without its soft line breaks it is this long at least; so most texts are encoded once only.
    if len(data) + 2 * to_escape <= base64_size and not any(
        control in data for control in _CONTROLS
    ):
        quoted = _quoted_printable(data)
        if len(quoted) <= base64_size:
            return "quoted-printable", quoted
    return "base64", _base64(data)


def _quoted_printable(data: bytes) -> bytes:
    codes = []
    for octet, plain, guarded, code, encoded in _GUARDS:
        if octet in data and plain in data:
            data = data.replace(plain, guarded)
            codes.append((code, encoded))
    data = b2a_qp(data, istext=True)
    for code, encoded in codes:
        data = data.replace(code, encoded)
    return data


def _base64_size(data: bytes) -> int:
    size = (len(data) + 2) // 3 * 4
    return size + 2 * -(-size // _BASE64_LINE)


def _base64(data: bytes) -> bytes:
    encoded = b2a_base64(data, newline=False)
    full, rest = divmod(len(encoded), _BASE64_LINE)
    # One call cuts all lines; a loop over slices takes three times as long.
    lines = struct.unpack(f"{_BASE64_LINE}s" * full + (f"{rest}s" if rest else ""), encoded)
    return b"\r\n".join(lines) + b"\r\n"
