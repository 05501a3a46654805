"""What is in the source of an email: headers, text, HTML, attachments, and the code.

Anybody may have sent it, so nothing here fails: what cannot be decoded is shown as it came.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Callable
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32
from html import unescape
from itertools import islice
from typing import Final

import attrs

from passpost_console.inbox.emails import header_text, whole

_MOST_PARTS: Final = 200
_MOST_LINKS: Final = 100
_MOST_HEADERS: Final = 1_000
_LONGEST_HEADER: Final = 16 << 10
# The parser compares each line with the boundary of each part around it.
_MOST_COMPARED: Final = 4_000_000
_MOST_LOOKED_AT: Final = 1 << 20
"""Characters in which a code and links are looked for."""

_NOT_CHARSETS: Final = frozenset(("punycode", "idna", "unicode-escape", "raw-unicode-escape"))
"""Codecs of Python that no email has, and that take long or make no text."""

# None of these looks twice at what is behind a sign that begins nothing: anybody sends emails.
_TAG: Final = re.compile(r"<(/?)([A-Za-z!][^\s<>/]*+)[^<>]*+>")
_UNSHOWN: Final = frozenset(("script", "style", "title"))
_LINK: Final = re.compile(r"https?://[^\s<>\"'\])]+", re.IGNORECASE)
_HREF: Final = re.compile(r"""\bhref\s*=\s*["']?(https?://[^\s"'<>]+)""", re.IGNORECASE)
_ALONE: Final = re.compile(r"(?m)^[ \t>*]*([A-Z0-9]{4,8}|\d{3}[ -]\d{3})[ \t*.]*\r?$")
_NEAR: Final = re.compile(
    r"(?is)(?:\bcode\b|\bpin\b|\bpasscode\b|验证码|校验码|动态码)[^0-9A-Za-z]{0,12}"
    r"(?:(?:is|are|为|是)[^0-9A-Za-z]{0,4})?([A-Z0-9]{4,8}|\d{3}[ -]\d{3})(?![0-9A-Za-z])"
)
_ANY: Final = re.compile(r"(?<![\w.,:/#-])(\d{4,8})(?![\w/:-]|[.,]\d)")


@attrs.frozen
class Attachment:
    """A file in an email.

    Attributes:
        name: Its name; empty if it has none.
        kind: Its media type.
        size: Its size in bytes.
    """

    name: str
    kind: str
    size: int


@attrs.frozen(repr=False)
class Reading:
    """What is in an email.

    Attributes:
        headers: Names and values, decoded, in order.
        text: The plain text; None if there is none.
        html: The HTML, likewise.
        attachments: The files.
    """

    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def words(self) -> str:
        """Whatever can be read: the plain text, and the HTML without its tags."""
        return "\n".join(filter(None, (self.text, self.html and _plain(self.html))))

    @property
    def code(self) -> str | None:
        """The code of the email, as far as it can be told: the text or the HTML shows one."""
        for text in filter(None, (self._first, self._shown)):
            bare = _LINK.sub(" ", text)
            for pattern in (_NEAR, _ALONE, _ANY):
                for match in pattern.finditer(bare):
                    if any(char.isdigit() for char in match[1]):
                        return re.sub("[ -]", "", match[1])
        return None

    @property
    def links(self) -> tuple[str, ...]:
        """The links of the email, each once."""
        html = (self.html or "")[:_MOST_LOOKED_AT]
        found = [match.group().rstrip(".,;:!?") for match in _LINK.finditer(self._first)]
        found += [unescape(match[1]) for match in _HREF.finditer(html)]
        return tuple(dict.fromkeys(found))[:_MOST_LINKS]

    @property
    def _first(self) -> str:
        return (self.text or "")[:_MOST_LOOKED_AT]

    @property
    def _shown(self) -> str:
        return _plain((self.html or "")[:_MOST_LOOKED_AT])


class _TooMuchError(Exception):
    """An email has more parts than anybody sends."""


class _Short(Compat32):
    """Cuts long headers: looking at the parameters of one takes the square of its length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST_HEADER]


def read(source: bytes) -> Reading:
    """Return what is in the source of an email."""
    try:
        message = _parsed(source)
        parts = _leaves(message)
    # Parts within parts within parts.
    except (RecursionError, _TooMuchError):
        return Reading(text=source.decode("utf-8", "replace").replace("\x00", "\ufffd"))
    items = islice(message.items(), _MOST_HEADERS)
    headers = tuple((str(name), header_text(str(value))) for name, value in items)
    text, html = _body(parts, "text/plain"), _body(parts, "text/html")
    files = [part for part in parts if part is not text and part is not html]
    return Reading(
        headers,
        _text(text) if text is not None else None,
        _text(html) if html is not None else None,
        tuple(_attachment(part) for part in files),
    )


def _parsed(source: bytes) -> Message:
    boundaries = source.lower().count(b"boundary")
    if source.count(b"\n") * (boundaries + 1) > _MOST_COMPARED:
        raise _TooMuchError
    return BytesParser(_counted(), policy=_Short()).parsebytes(source)


def _counted() -> Callable[..., Message]:
    """Return what makes the parts of one email."""
    left = 2 * _MOST_PARTS

    def made(policy: Compat32) -> Message:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooMuchError
        return Message(policy=policy)

    return made


def _leaves(message: Message) -> list[Message]:
    found = []
    for part in message.walk():
        if not part.is_multipart():
            found.append(part)
        if len(found) >= _MOST_PARTS:
            break
    return found


def _body(parts: list[Message], kind: str) -> Message | None:
    bodies = (part for part in parts if part.get_content_type() == kind)
    return next((part for part in bodies if not _is_file(part)), None)


def _is_file(part: Message) -> bool:
    return str(part.get("Content-Disposition", "")).lower().lstrip().startswith("attachment")


def _content(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, binascii.Error, LookupError):
        payload = None
    return payload if isinstance(payload, bytes) else str(part.get_payload()).encode()


def _text(part: Message) -> str:
    content = _content(part)
    try:
        codec = codecs.lookup(part.get_content_charset() or "utf-8").name
        text = content.decode("utf-8" if codec in _NOT_CHARSETS else codec, "replace")
    # TypeError: numbered parameters of which one has no number.
    except (LookupError, ValueError, TypeError):
        text = content.decode("utf-8", "replace")
    return whole(text.replace("\r\n", "\n").replace("\x00", "\ufffd"))


def _attachment(part: Message) -> Attachment:
    try:
        name = header_text(str(part.get_filename() or ""))
    # As above.
    except (LookupError, ValueError, TypeError):
        name = ""
    return Attachment(name, part.get_content_type(), len(_content(part)))


def _plain(html: str) -> str:
    """Return what HTML shows, about."""
    shown, at, hidden = [], 0, ""
    for tag in _TAG.finditer(html):
        if not hidden:
            shown.append(html[at : tag.start()])
        name = tag[2].lower()
        if tag[1]:
            hidden = "" if name == hidden else hidden
        elif not hidden and name in _UNSHOWN:
            hidden = name
        at = tag.end()
    return unescape("\n".join(shown if hidden else [*shown, html[at:]]))
