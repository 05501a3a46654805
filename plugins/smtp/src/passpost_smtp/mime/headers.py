"""Header fields: folded, encoded, and read back to the letter (RFC 5322, RFC 2047, RFC 6532)."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from passpost.phrases import said
from passpost.wire import ascii_domain, refused_in_line
from passpost_smtp import _
from passpost_smtp.errors import invalid_part
from passpost_smtp.mime.words import MAX_LINE as WORDS_LINE
from passpost_smtp.mime.words import encode_words

if TYPE_CHECKING:
    from passpost import Address
    from passpost.errors import Scope

WANTED_LINE: Final = 78
"""Octets that a line should not exceed (RFC 5322 section 2.1.1), CRLF not counted."""
MAX_LINE: Final = 998
"""Octets that a line must not exceed, CRLF not counted."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND: Final = dt.timedelta(seconds=1)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip

_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")

# One mailbox and nothing that could be read as a second, or as the end of a line. Addresses were
# checked when they were made; this holds also for one that was made without its check.
_ONE_MAILBOX: Final = re.compile(
    r'[^\x00-\x20\x7f-\xa0"(),:;<>@\[\\\]\u2028\u2029\u760a\u760d\ud800-\udfff]+'
    r"@(?:[A-Za-z0-9.-]+|\[[A-Za-z0-9.:]+\])"
)

_known_domain = lru_cache(maxsize=1024)(ascii_domain)


def text_field(name: str, value: str, *, longest: int = WANTED_LINE) -> str:
    """Return a header field of free text, with its line end.

    Text that plain folding carries unharmed stays readable; all other text becomes encoded words.

    Args:
        name: The field's name, checked by anyone who calls.
        value: The text; one line.
        longest: Octets up to which a line without a space to fold at stays as it is. An encoded
            word would break the URL of a List-Unsubscribe, so there only `MAX_LINE` forces one.

    Raises:
        SendError: The text holds a control character or a line end.
    """
    line = f"{name}: {value}"
    if value.isascii():
        # For ASCII, printable means free of control characters.
        if not value.isprintable():
            raise _refused(name, value)
        if not _loses_by_folding(value):
            if len(line) <= WANTED_LINE:
                return line + "\r\n"
            lines = folded(line, len(name) + 2)
            if max(map(len, lines)) <= longest:
                return "\r\n".join(lines) + "\r\n"
    elif refused_in_line(value):
        raise _refused(name, value)
    return f"{name}: {encode_words(value, used=len(name) + 2)}\r\n"


def folded(line: str, start: int) -> list[str]:
    """Break a line at single spaces into lines of at most 78 characters where its words allow it.

    Args:
        line: Text with single spaces between its words.
        start: The first place where it may break. A line is never broken right after the field's
            name, since some readers then take the space for a part of the value.
    """
    lines = []
    while len(line) > WANTED_LINE:
        cut = line.rfind(" ", start, WANTED_LINE + 1)
        if cut < 0:
            cut = line.find(" ", max(start, WANTED_LINE + 1))
        if cut < 0:
            break
        lines.append(line[:cut])
        line, start = line[cut:], 1
    lines.append(line)
    return lines


def _loses_by_folding(value: str) -> bool:
    # Relays trim and merge spaces, and readers decode what looks like an encoded word.
    return "  " in value or "=?" in value or value[:1] == " " or value[-1:] == " "


def _refused(name: str, value: str) -> Exception:
    return invalid_part(
        name, _("{character} is not allowed in a header", character=refused_in_line(value))
    )


def wire(address: Address, field: str, scope: Scope) -> str:
    """Return an address as envelope and headers hold it: the domain always in ASCII (A-labels).

    RFC 6532 would allow the Unicode form of the domain in headers beside a Unicode local part. The
    ASCII form names the same domain, is read by all software, and is what the envelope says.

    Args:
        address: One mailbox.
        field: The header field that it is for, named in errors.
        scope: Whose matter a fault in it is.

    Raises:
        SendError: It is not exactly one mailbox.
    """
    text = address.address
    if not text.isascii():
        text = _with_ascii_domain(text, field, scope)
    # Widespread readers, Python's among them, decode an encoded word inside a local part, so that
    # the header would name another mailbox than the envelope.
    if _ONE_MAILBOX.fullmatch(text) is None or "=?" in text:
        raise invalid_part(field, _("this is not one plain address"), scope=scope)
    return text


def bracketed(address: str) -> str:
    """Return an address as it is in a header by itself.

    Without angle brackets some readers take the colon of ``a@[IPv6:::1]`` for that of a group
    (RFC 5322 section 3.4), which has nobody in it.
    """
    return f"<{address}>" if address.endswith("]") else address


def _with_ascii_domain(text: str, field: str, scope: Scope) -> str:
    local, _, domain = text.rpartition("@")
    try:
        return f"{local}@{_known_domain(domain)}"
    except ValueError as error:
        reason = said(error)
    raise invalid_part(field, reason, scope=scope)


def mailbox_field(field: str, name: str, address: str) -> str:
    """Return the field of one mailbox, with its line end.

    Args:
        field: ``From`` or ``Reply-To``.
        name: The display name, decoded; may be empty.
        address: The address as `wire` gives it.

    Raises:
        SendError: The name holds a control character or a line end.
    """
    if not name:
        return f"{field}: {bracketed(address)}\r\n"
    if refused_in_line(name):
        raise _refused(field, name)
    text = _named(field, name)
    last_line = len(text) - text.rfind("\n") - 1
    between = " " if last_line + len(f" <{address}>") <= WORDS_LINE else "\r\n "
    return f"{text}{between}<{address}>\r\n"


def _named(field: str, name: str) -> str:
    """Return a field up to the end of the display name."""
    used = len(field) + 2
    # Inside of quotes, too, readers decode what looks like an encoded word.
    if name.isascii() and "=?" not in name:
        line = f"{field}: {name if _ATOMS.fullmatch(name) else _quoted(name)}"
        lines = [line] if _loses_by_folding(name) else folded(line, used)
        if max(map(len, lines)) <= WANTED_LINE:
            return "\r\n".join(lines)
    return f"{field}: {encode_words(name, used=used, phrase=True)}"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def message_id_field(message_id: str) -> str:
    """Return the Message-ID field, with its line end.

    Raises:
        SendError: It is not text in angle brackets of printable ASCII.
    """
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise invalid_part("Message-ID", _("not a Message-ID in angle brackets"))
    return f"Message-ID: {message_id}\r\n"


def date_field(date: dt.datetime) -> str:
    """Return the Date field in UTC (RFC 5322 section 3.3), with its line end.

    Args:
        date: A time with a time zone; fractions of a second are dropped.
    """
    return _date_field((date - _EPOCH) // _SECOND)


# Emails come many to the second; an entry or two serve them all.
@lru_cache(maxsize=4)
def _date_field(second: int) -> str:
    # Not strftime: it speaks the language of the process.
    t = _EPOCH + second * _SECOND
    day = f"{_DAYS[t.weekday()]}, {t.day:02} {_MONTHS[t.month - 1]} {t.year:04}"
    return f"Date: {day} {t.hour:02}:{t.minute:02}:{t.second:02} +0000\r\n"
