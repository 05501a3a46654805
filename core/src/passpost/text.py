"""Which characters may stand where.

What must not reach a header, an address or a protocol line is refused, never stripped: a mail that
was quietly changed is worse than an error that names the character.
"""

from __future__ import annotations

import re
from typing import Final

# C0, DEL and C1 (NEL among them) end lines or steer terminals; U+2028 and U+2029 are line ends to
# many parsers; U+760A and U+760D become LF and CR in software that cuts code points to 8 bits;
# surrogates cannot be encoded at all.
_NOT_IN_LINE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u760a\u760d\ud800-\udfff]")

# A body may hold tabs and line ends; every other control character is refused there too.
_NOT_IN_BODY: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# What steers a terminal or breaks a line of a log, and what makes text run backwards on screen
# (UAX #9: the marks, embeddings, overrides and isolates).
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT_ESCAPES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def refused_in_line(text: str) -> str | None:
    """Name the first character that may not stand in a header, an address or a setting.

    Returns:
        ``"U+000A at character 5"``, counted from 1, or None where the text may stand.
    """
    # Nearly all text is of this kind, and to see that costs less than the search.
    if text.isascii() and text.isprintable():
        return None
    return _named(_NOT_IN_LINE.search(text))


def refused_in_body(text: str) -> str | None:
    """Name the first character that may not stand in a mail's body, or None."""
    return _named(_NOT_IN_BODY.search(text))


def visible(text: str) -> str:
    r"""Give foreign text as one line that a terminal or a log can show.

    Control characters, line ends, marks of direction and surrogates become escapes such as ``\x1b``
    and ``\n``: what they were stays visible, and steers nothing.
    """
    return _NOT_SHOWN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")  # noqa: PLR2004 - the last octet


def _named(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    return f"U+{ord(match.group()):04X} at character {match.start() + 1}"
