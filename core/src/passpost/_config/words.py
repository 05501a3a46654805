"""Texts and words of JSON: what is wrong with a single one. No problem quotes its value."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from passpost._phrases import _

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DIGITS: Final = 308
"""Digits in a whole number: those of the largest float, so that each is finite as one too."""

# What keyboards and word processors write instead of JSON's own characters.
QUOTES: Final = "“”„‟″＂«»「」『』'‘’‚‛`´"  # noqa: RUF001 - the lookalikes are meant
MARKS: Final = "，、：｛｝［］【】"  # noqa: RUF001 - likewise
SPACES: Final = "\u00a0\u3000\u200b\u2028\u2029\ufeff\f\v"
LOOKALIKES: Final = {
    **dict.fromkeys(QUOTES, '"'),
    **dict(zip(MARKS, ",,:{}[][]", strict=True)),
    **dict.fromkeys(SPACES, " "),
}
_LOOKALIKE: Final = re.compile(f"[{''.join(LOOKALIKES)}]")

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
    "lone": (_("an unpaired surrogate is not a valid character"), _("write the character itself")),
    "escape": (_("not a valid escape"), _("write `\\\\` for a backslash")),
    "control": (_("a control character must be escaped"), _("write it as `\\t` or `\\u00XX`")),
}


class Token(NamedTuple):
    """A part of a text of settings: the kind of the part, its text and its offset."""

    kind: str
    text: str
    start: int


class Fault(NamedTuple):
    """Something wrong: where, the code, what it is, and how to fix it."""

    offset: int
    code: str
    message: str
    remedy: str = ""


def text_faults(token: Token) -> Iterator[Fault]:
    """Return what is wrong inside a text in quotes."""
    for match in _IN_TEXT.finditer(token.text):
        if match.lastgroup is not None:
            yield Fault(token.start + match.start(), "E014", *_IN_TEXT_SAYS[match.lastgroup])


def word_faults(token: Token) -> Iterator[Fault]:
    """Return what is wrong with a word that stands for a value."""
    if number := _NUMBER.fullmatch(token.text):
        rest = bool(number["rest"])
        if len(number["digits"]) > MAX_DIGITS or (rest and math.isinf(float(token.text))):
            yield Fault(
                token.start, "E016", _("the number is too large"), _("use at most 308 digits")
            )
    elif token.text not in ("true", "false", "null"):
        yield bare(token, "E015", *_word_says(token.text))


def bare(token: Token, code: str, message: str, remedy: str) -> Fault:
    """Return what is wrong with a word; first of all a character that only looks like JSON's."""
    if match := _LOOKALIKE.search(token.text):
        return lookalike(token, match.group())
    return Fault(token.start, code, message, remedy)


def lookalike(token: Token, char: str) -> Fault:
    """Return what is wrong with a character that only looks like JSON's."""
    meant = _("a space") if LOOKALIKES[char] == " " else f"`{LOOKALIKES[char]}`"
    code_point = f"U+{ord(char):04X}"
    message = _("invalid character {code_point}", code_point=code_point)
    if char.isprintable():
        message = _("invalid character `{char}` ({code_point})", char=char, code_point=code_point)
    return Fault(
        token.start + token.text.index(char), "E013", message, _("use {meant}", meant=meant)
    )


def _word_says(word: str) -> tuple[str, str]:
    if word.lower() in ("true", "false", "null", "none"):
        return _("`true`, `false` and `null` must be lowercase"), _("write it in lowercase")
    if word.lstrip("+-").lower() in ("nan", "infinity", "inf"):
        return _("NaN and Infinity are not valid JSON numbers"), _("write a number")
    if word[0] in "+-.0123456789":
        return _("not a valid JSON number"), _("write digits, or put it in double quotes")
    return _("unquoted value"), _("put text in double quotes")
