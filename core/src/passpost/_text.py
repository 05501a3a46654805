"""Which characters are allowed where.

A character that must not reach a header, an address or a protocol line is an error, and is never
stripped: an email that was quietly changed is worse than an error that names the character.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from passpost._phrases import _

# C0, DEL and C1 (NEL among them) end lines or steer terminals; U+2028 and U+2029 are line ends to
# many parsers; U+760A and U+760D become LF and CR in software that cuts code points to 8 bits;
# surrogates cannot be encoded at all.
_NOT_IN_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u760a\u760d\ud800-\udfff]")

# A body may hold tabs and line ends; every other control character is forbidden there too.
_NOT_IN_BODY: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

_LINE_BREAK: Final = re.compile("[\n\u2028\u2029]")

# What a value has no use for. Overrides make what follows read backwards; tag characters are not
# to be seen, except in the flags of England, Scotland and Wales. The marks of direction and the
# joiners belong to Arabic, Hebrew, Persian and Hindi, and to emoji.
_NOT_IN_VALUE: Final = re.compile(
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
    "|(?P<refused>[\u202d\u202e\U000e0000-\U000e007f])"
)
# Nothing is to be seen of these either. Some scripts break long texts at U+200B, but not subjects.
_NOT_IN_SHORT_VALUE: Final = re.compile("[\u180e\u200b\u2060-\u2064\ufeff]")
# Embeddings and isolates (UAX #9): harmless where each is closed in the value that opens it.
_DIRECTION: Final = re.compile("[\u202a-\u202c\u2066-\u2069]")
_NO_DIRECTION: Final = re.compile("[^\u202a-\u202c\u2066-\u2069]+")
_CLOSES: Final = {"\u202c": "\u202a\u202b", "\u2069": "\u2066\u2067\u2068"}
_PAIRS: Final = [f"{begin}{end}" for end, begins in _CLOSES.items() for begin in begins]
# No text that is written is so deep; UAX #9 allows 125.
_MAX_EMBEDDED: Final = 16
_MAX_MARKS: Final = 1_000

# An encoded word of RFC 2047: what it stands for would not be seen here, but by who reads it.
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")

# What steers a terminal or breaks a line of a log, and what makes text run backwards on screen
# (UAX #9: the marks, embeddings, overrides and isolates).
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT_ESCAPES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def refused_in_line(text: str) -> str | None:
    """Return the first character that is not allowed in a header, an address or a setting.

    Returns:
        ``"U+000A at character 5"``, counted from 1, or None if all are allowed.
    """
    # Nearly all text is of this kind, and to see that costs less than the search.
    if text.isascii() and text.isprintable():
        return None
    return _named(_NOT_IN_LINE.search(text))


def refused_in_body(text: str) -> str | None:
    """Return the first character that is not allowed in an email's body, or None."""
    return _named(_NOT_IN_BODY.search(text))


def refused_in_short_value(text: str) -> str | None:
    """Return what a value must not bring into a subject, a name or an address, or None."""
    if text.isascii() and text.isprintable():
        match = _ENCODED_WORD.search(text) if "=?" in text else None
        return _("an encoded word at character {start}", start=match.start() + 1) if match else None
    return (
        refused_in_line(text)
        or _refused_in_value(text)
        or _named(_NOT_IN_SHORT_VALUE.search(text) or _ENCODED_WORD.search(text))
    )


def refused_in_value(text: str, *, breaks: bool) -> str | None:
    """Return what a value must not bring into a body, or None.

    Args:
        text: The value.
        breaks: Whether it may have several lines.
    """
    if text.isascii() and text.isprintable():
        return None
    lines = None if breaks else _named(_LINE_BREAK.search(text))
    return lines or refused_in_body(text) or _refused_in_value(text)


def _refused_in_value(text: str) -> str | None:
    if text.isascii():
        return None
    for match in _NOT_IN_VALUE.finditer(text):
        if match["refused"]:
            return _named(match)
    return None if _closes_each(text) else _named(_unclosed(text))


def _closes_each(text: str) -> bool:
    """Return whether each embedding and isolate is closed, and none is too deep in others."""
    marks = _NO_DIRECTION.sub("", text)
    # Pair by pair within `str`: a value may have millions.
    for _level in range(_MAX_EMBEDDED):
        if not marks:
            break
        for pair in _PAIRS:
            marks = marks.replace(pair, "")
    return not marks


def _unclosed(text: str) -> re.Match[str] | None:
    """Return the mark that is wrong, or the first one where all are closed and too deep."""
    opened: list[re.Match[str]] = []
    for match in islice(_DIRECTION.finditer(text), _MAX_MARKS):
        opens = _CLOSES.get(match[0])
        if opens is None:
            opened.append(match)
        elif not opened or opened.pop()[0] not in opens:
            return match
    return opened[0] if opened else _DIRECTION.search(text)


def visible(text: str) -> str:
    r"""Return foreign text as one line that a terminal or a log can show.

    Control characters, line ends, marks of direction and surrogates become escapes such as ``\x1b``
    and ``\n``: what they were stays visible, and steers nothing.
    """
    return _NOT_SHOWN.sub(_escape, text)


def quoted(name: str) -> str:
    """Return a foreign name in the form in which problems quote names."""
    return f"`{visible(name)}`"


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004 - the last octet


def _named(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    return _("U+{ord:04X} at character {start}", ord=ord(match[0][0]), start=match.start() + 1)
