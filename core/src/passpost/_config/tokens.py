"""The tokens of JSON with comments, and what may be wrong inside of one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DIGITS: Final = 308
"""Digits in a whole number: those of the largest float, so that each is finite as one too."""

# What keyboards and word processors put in place of JSON's own characters.
_QUOTES: Final = "“”„‟″＂«»「」『』'‘’‚‛`´"  # noqa: RUF001 - the lookalikes are meant
_MARKS: Final = "，、：｛｝［］【】"  # noqa: RUF001 - likewise
_SPACES: Final = "\u00a0\u3000\u200b\u2028\u2029\ufeff\f\v"
_LOOKALIKES: Final = {
    **dict.fromkeys(_QUOTES, '"'),
    **dict(zip(_MARKS, ",,:{}[][]", strict=True)),
    **dict.fromkeys(_SPACES, " "),
}
_LOOKALIKE: Final = re.compile(f"[{''.join(_LOOKALIKES)}]")

# A word is whatever is neither text, comment nor punctuation: numbers, true, and mistakes.
_TOKEN: Final = re.compile(
    rf"""
      (?P<space>     [ \t\n\r]+ )
    | (?P<comment>   //[^\n\r]* | /\*.*?\*/ )
    | (?P<text>      "[^"\\\n\r]*(?:\\[^\n\r][^"\\\n\r]*)*" )
    | (?P<mark>      [{{}}\[\],:] )
    | (?P<open>      /\* | " )
    | (?P<strange>   [{_MARKS}{_SPACES}] )
    | (?P<misquoted> [{_QUOTES}][^{_QUOTES}"\n\r]*[{_QUOTES}] )
    | (?P<word>      (?:[^ \t\n\r{{}}\[\],:"/{_MARKS}{_SPACES}] | /(?![/*]))+ )
    """,
    re.VERBOSE | re.DOTALL,
)

# The first two kinds of match are sound; the order matters.
_IN_TEXT: Final = re.compile(
    r"""
      \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    | (?P<lone>    \\u[dD][89a-fA-F][0-9a-fA-F]{2} | [\ud800-\udfff] )
    | \\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})
    | (?P<escape>  \\ )
    | (?P<control> [\x00-\x1f] )
    """,
    re.VERBOSE,
)

_NUMBER: Final = re.compile(
    r"-?(?P<digits>0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
)

_IN_TEXT_SAYS: Final = {
    "lone": ("half of a surrogate pair stands here, which is no character", "write the character"),
    "escape": ("a backslash here begins no escape that JSON knows", "write \\\\ for a backslash"),
    "control": ("a control character stands here as it is", "write it as \\t or \\u00XX"),
}


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: ``comment``, ``text``, ``mark`` or ``word``; ``open`` for a text or comment that is
            never closed, ``strange`` for what looks like a mark or space, ``misquoted`` for a text
            in what looks like quotes.
        text: The token as it stands.
        start: Its offset.
    """

    kind: str
    text: str
    start: int


class Fault(NamedTuple):
    """Something wrong inside a token: where, what, and what to do about it."""

    offset: int
    message: str
    remedy: str


def tokens(text: str) -> Iterator[Token]:
    """Give the tokens of a text, comments included and space left out. Every text has some."""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            yield Token(kind, match.group(), match.start())


def text_faults(token: Token) -> Iterator[Fault]:
    """Say what is wrong inside a text in quotes."""
    for match in _IN_TEXT.finditer(token.text):
        if match.lastgroup is not None:
            yield Fault(token.start + match.start(), *_IN_TEXT_SAYS[match.lastgroup])


def word_faults(token: Token) -> Iterator[Fault]:
    """Say what is wrong with a word that stands for a value."""
    if number := _NUMBER.fullmatch(token.text):
        if _too_large(number):
            yield Fault(token.start, "the number is too large", "write a smaller one")
    elif token.text not in ("true", "false", "null"):
        yield lookalike(token) or Fault(token.start, *_word_says(token.text))


def lookalike(token: Token) -> Fault | None:
    """Say where a token holds a character that looks like one of JSON's own and is none."""
    match = _LOOKALIKE.search(token.text)
    return match and lookalike_fault(match.group(), token.start + match.start())


def lookalike_fault(char: str, offset: int) -> Fault:
    """Say what to write in place of a character that looks like one of JSON's own."""
    meant = meant_by(char)
    shown = f" ({char})" if char.isprintable() else ""
    message = f"U+{ord(char):04X}{shown} stands here, which JSON does not know"
    return Fault(offset, message, f"write {'a space' if meant == ' ' else meant} in its place")


def meant_by(char: str) -> str:
    """Give the character of JSON's own that one of its lookalikes was meant to be."""
    return _LOOKALIKES[char]


def _too_large(number: re.Match[str]) -> bool:
    if len(number["digits"]) > MAX_DIGITS:
        return True
    return bool(number["rest"]) and math.isinf(float(number.group()))


def _word_says(word: str) -> tuple[str, str]:
    if word.lower() in ("true", "false", "null", "none"):
        return "true, false and null are written in lower case", "write it in lower case"
    if word.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return "NaN and Infinity are no numbers in JSON", "write a number"
    if word[0] in "+-.0123456789":
        return (
            "this is not written as JSON writes a number",
            "write digits, or put it in double quotes",
        )
    return "a value stands here without quotes", "put texts in double quotes"
