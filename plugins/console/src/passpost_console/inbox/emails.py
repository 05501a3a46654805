"""An email as it arrived, and what a list shows of it."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from email.header import decode_header, make_header
from typing import Final

import attrs

_HEADER: Final = re.compile(rb"(?im)^(subject|from):[ \t]*((?:[^\r\n]*)(?:\r?\n[ \t][^\r\n]*)*)")
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_LONE: Final = re.compile(r"[\ud800-\udfff]")

_LONGEST_CODED: Final = 8 << 10
_MOST_HEAD: Final = 64 << 10
_OVERHEAD: Final = 1 << 10


@attrs.frozen(eq=False, repr=False)
class Email:
    """An email that arrived.

    Attributes:
        id: Its number, counted from 1 in the order of arrival.
        at: When it arrived, as seconds since 1970.
        via: The ID of the connector whose server it arrived at.
        sender: The envelope sender.
        recipients: The envelope recipients.
        source: The email as it came.
        subject: The subject, decoded.
        shown_sender: The header ``From``, decoded.
        summary: What a search looks at first, without upper case.
    """

    id: int
    at: float
    via: str
    sender: str
    recipients: tuple[str, ...]
    source: bytes
    subject: str
    shown_sender: str
    summary: str

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""
        # The summary repeats the other texts.
        return len(self.source) + 2 * sys.getsizeof(self.summary) + _OVERHEAD

    def is_to(self, address: str) -> bool:
        """Return whether it went to an address."""
        wanted = address.casefold()
        return any(one.casefold() == wanted for one in self.recipients)


def arrived(  # noqa: PLR0913, PLR0917 - the facts of an arrival
    number: int, at: float, via: str, sender: str, recipients: tuple[str, ...], source: bytes
) -> Email:
    """Return an email with what a list shows of it."""
    end = source.find(b"\r\n\r\n", 0, _MOST_HEAD)
    head = source[: end if end >= 0 else _MOST_HEAD]
    found = {match[1].lower(): match[2] for match in _HEADER.finditer(head)}
    shown = header_text(found.get(b"from", b"").decode("utf-8", "replace"))
    subject = header_text(found.get(b"subject", b"").decode("utf-8", "replace"))
    sender, recipients = whole(sender), tuple(map(whole, recipients))
    shown = shown or sender
    summary = "\n".join((subject, shown, *recipients)).casefold()
    return Email(number, at, via, sender, recipients, source, subject, shown, summary)


def whole(text: str) -> str:
    """Return a text without halves of characters, which no response can contain."""
    return _LONE.sub("\ufffd", text)


def header_text(value: str) -> str:
    """Return the value of a header as readers show it: unfolded, decoded, on one line."""
    text = _FOLD.sub(" ", value)
    if "=?" in text and len(text) <= _LONGEST_CODED:
        # Whatever a client has sent: an unknown charset, an encoded word that is not one.
        with suppress(LookupError, ValueError):
            text = str(make_header(decode_header(text)))
    return _CONTROL.sub(" ", text).strip()
