"""Undoing the encodings in which a text may be repeated, and remembering where each part was.

A server that quotes a request quotes it as it was sent: percent-encoded, in base64 broken over
lines, in quoted-printable. What is looked for in a text is looked for in each of its views.
"""

from __future__ import annotations

import re
import sys
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final

import attrs

_LAYERS: Final = 3
# Texts with several encodings over one another; nobody but an attacker answers with more.
_MAX_VIEWS: Final = 64
# What it costs to undo an encoded character, and to copy one, in characters that are searched.
_STEP: Final = 1500
_COPY: Final = 60

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FORM: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\+")
# With the soft line breaks of RFC 2045 section 6.7.
_QUOTED_PRINTABLE: Final = re.compile(r"(?:=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n))+")
_QUOTED_OCTET: Final = re.compile(r"=([0-9A-Fa-f]{2})")
_ENTITY: Final = re.compile(
    r"&(?:\#(?P<decimal>[0-9]{1,7})|\#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})|[A-Za-z][A-Za-z0-9]{1,31});"
)
_BACKSLASH: Final = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|\\(?:x(?P<octet>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})|U(?P<point>[0-9A-Fa-f]{8}))"
    r"|\\(?P<letter>[bfnrt\"'\\/])"
)
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Line breaks with what is around them, and the blanks that stand for them where the lines of a
# reply were joined: base64 and hexadecimal are broken after a certain width, words are not.
_WIDTH: Final = 16
_FOLD: Final = re.compile(
    # Each run of blanks is looked at once, from its beginning: a text may be all blanks.
    rf"(?<![ \t])[ \t]*[\r\n][ \t\r\n]*|(?<=[\w+/=-]{{{_WIDTH}}}) +",
    re.ASCII,
)
# Without one of these no encoding but base64 and hexadecimal was put over a line.
_ENCODED: Final = re.compile(r"[%+&\\]")

_WIDE: Final = re.compile(rf"[\w+/=-]{{{_WIDTH}}}", re.ASCII)
# Without any of this a line is plain: most are, and one search tells.
_SIGNS: Final = r"[%+&\\=]"
_SUSPECT: Final = re.compile(rf"{_SIGNS}|[\w/-]{{{_WIDTH}}}", re.ASCII)
# Of an octet or some, with signs between them: as in a dump, a fingerprint or a list of numbers.
_GROUPED: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX])?[0-9A-Fa-f]{2,8}(?:[\s:,;._-]{1,3}(?:0[xX])?[0-9A-Fa-f]{2,8})+",
    re.ASCII,
)
_TWO_GROUPS: Final = r"[0-9A-Fa-f]{2}[\s:,;._-]{1,3}(?:0[xX])?[0-9A-Fa-f]{2}"
_NO_DIGIT: Final = re.compile(r"0[xX]|[^0-9A-Fa-f]")
# Fills up groups of four: what is read from a run's first, second, third and fourth character.
_FILLS: Final = (
    ("", "A", "AA", "AAA"), ("AAA", "", "A", "AA"), ("AA", "AAA", "", "A"), ("A", "AA", "AAA", ""),
)  # fmt: skip
_URL_ALPHABET: Final = str.maketrans("-_", "+/")

Span = tuple[int, int]
_Characters = Callable[[re.Match[str]], Iterator[tuple[str, int]]]


class TooMuchWork(Exception):  # noqa: N818 - says what it is; never leaves the package
    """A text has more encodings over one another than anyone honest puts there."""


class Budget:
    """The work that may go into one text, in characters that are searched.

    Args:
        work: All of it.
    """

    __slots__ = ("_left",)

    def __init__(self, work: int) -> None:
        self._left = work

    def spend(self, work: int) -> None:
        """Take work off the budget.

        Raises:
            TooMuchWork: Nothing is left.
        """
        self._left -= work
        if self._left < 0:
            raise TooMuchWork


@attrs.frozen
class View:
    """A text, perhaps with encodings undone, whose characters know where they came from."""

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None
    # Once: a line that was joined to the next would be wide enough to take one more.
    joined: bool = False

    def origin(self, start: int, end: int) -> Span:
        """Return the place in the first text of some characters of this one."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def has_no_encoding(text: str, shortest: int) -> bool:
    """Return whether nothing in a line can be an encoding of so many octets: one search tells.

    It is no more than a first look: of a line that has something of that kind, `is_plain` and
    `octets_in` say more.
    """
    return _anything_encoded(shortest).search(text) is None


def is_plain(text: str) -> bool:
    """Return whether a line has no encoding but base64 and hexadecimal, and is not broken."""
    if _SUSPECT.search(text) is None:
        return True
    if _ENCODED.search(text) or ("=" in text and _QUOTED_PRINTABLE.search(text)):
        return False
    words = text.split(" ")
    return max(map(len, words)) < _WIDTH or not any(_WIDE.fullmatch(w[-_WIDTH:]) for w in words)


def views(text: str, budget: Budget) -> list[View]:
    """Return a text as it is, and with up to three layers of encoding undone in any order.

    Raises:
        TooMuchWork: The text has too many, or too large ones.
    """
    found = [View(text)]
    seen = {text}
    first = 0
    for _ in range(_LAYERS):
        last = len(found)
        for view in found[first:last]:
            for decoded in _undone(view, budget):
                if decoded.text not in seen:
                    seen.add(decoded.text)
                    found.append(decoded)
        if len(found) > _MAX_VIEWS:
            raise TooMuchWork
        first = last
    return found


def octets_in(text: str, shortest: int) -> list[tuple[Span, bytes]]:
    """Return the runs of base64 and hexadecimal in a text, and what they may stand for.

    Where a run does not begin with the encoding, it is read from each place where that may begin.

    Args:
        text: The text.
        shortest: The octets that matter; runs that hold fewer are passed over.
    """
    base64, hexadecimal = _runs(shortest)
    found: list[tuple[Span, bytes]] = []
    for run in base64.finditer(text):
        digits = run[0]
        found.append((run.span(), _from_base64(digits)))
        if len(digits) >= 2 * shortest:
            start = run.start()
            for inner in hexadecimal.finditer(digits):
                span = start + inner.start(), start + inner.end()
                found.append((span, _from_hexadecimal(inner[0])))
    found += [(run.span(), _from_hexadecimal(run[0])) for run in _GROUPED.finditer(text)]
    return found


@cache
def _anything_encoded(shortest: int) -> re.Pattern[str]:
    """Return the pattern of all that `is_plain` and `octets_in` look at."""
    width = min(_WIDTH, _base64_size(shortest))
    return re.compile(rf"{_SIGNS}|[\w/-]{{{width}}}|{_TWO_GROUPS}", re.ASCII)


@cache
def _runs(shortest: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of runs that hold enough octets; there are few lengths of secrets."""
    base64 = rf"[A-Za-z0-9+/_-]{{{_base64_size(shortest)},}}={{0,2}}"
    return re.compile(base64), re.compile(rf"[0-9A-Fa-f]{{{2 * shortest},}}")


def _base64_size(octets: int) -> int:
    # Four characters for three octets; the two at the ends may be shared with other octets.
    return -(-octets * 4 // 3)


def _from_base64(run: str) -> bytes:
    if "-" in run or "_" in run:
        run = run.translate(_URL_ALPHABET)
    if run[-1] == "=":
        run = run.rstrip("=")
    # All four at once: each is filled up to groups of four, so that the next begins one.
    one, two, three, four = _FILLS[len(run) % 4]
    return a2b_base64(f"{run}{one}{run[1:]}{two}{run[2:]}{three}{run[3:]}{four}")


def _from_hexadecimal(run: str) -> bytes:
    digits = run if run.isalnum() else _NO_DIGIT.sub("", run)
    even = len(digits) // 2 * 2
    odd = 1 + (len(digits) - 1) // 2 * 2
    return bytes.fromhex(f"{digits[:even]}00{digits[1:odd]}")


def _undone(view: View, budget: Budget) -> Iterator[View]:
    """Yield what one layer of each encoding may have been put over."""
    if "%" in view.text:
        yield _decoded(view, _PERCENT, _quoted_characters, budget)
    if "+" in view.text:
        yield _decoded(view, _FORM, _quoted_characters, budget)
    if "\\" in view.text:
        yield _decoded(view, _BACKSLASH, _backslash_characters, budget)
    if "&" in view.text:
        yield _decoded(view, _ENTITY, _entity_characters, budget)
    if "=" in view.text:
        yield _decoded(view, _QUOTED_PRINTABLE, _quoted_characters, budget)
    if not view.joined:
        yield attrs.evolve(_decoded(view, _FOLD, lambda match: iter(()), budget), joined=True)


def _decoded(view: View, encoded: re.Pattern[str], characters: _Characters, budget: Budget) -> View:
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    budget.spend(_COPY * len(view.text))
    for match in encoded.finditer(view.text):
        budget.spend(_STEP)
        start, end = match.span()
        found = list(characters(match))
        parts += (view.text[position:start], *(character for character, _ in found))
        begins = [begin for _, begin in found]
        starts += (*range(position, start), *begins)
        ends += (*range(position + 1, start + 1), *begins[1:], *([end] if begins else ()))
        position = end
    if not parts:
        return view
    parts.append(view.text[position:])
    starts += range(position, len(view.text))
    ends += range(position + 1, len(view.text) + 1)
    if view.starts is not None and view.ends is not None:
        starts = [view.starts[start] for start in starts]
        ends = [view.ends[end - 1] for end in ends]
    return View("".join(parts), starts, ends, view.joined)


def _quoted_characters(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Return what octets stand for, each character with the index at which it begins."""
    if match[0] == "+":
        return iter([(" ", match.start())])
    if "\n" in match[0]:
        octets = list(_QUOTED_OCTET.finditer(match.string, *match.span()))
        text = "".join([octet[1] for octet in octets])
        return _characters_of(bytes.fromhex(text), [octet.start() for octet in octets])
    text = match[0].replace(match[0][0], "")
    return _characters_of(bytes.fromhex(text), range(match.start(), match.end(), len("%XX")))


def _characters_of(octets: bytes, starts: Sequence[int]) -> Iterator[tuple[str, int]]:
    index = 0
    for character in octets.decode("utf-8", "surrogateescape"):
        yield character, starts[index]
        index += len(character.encode("utf-8", "surrogateescape"))


def _backslash_characters(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    kind = match.lastgroup or ""
    if kind == "low":
        pair = bytes.fromhex(match["high"] + match["low"])
        yield pair.decode("utf-16-be"), match.start()
    elif kind == "letter":
        yield _LETTERS.get(match["letter"], match["letter"]), match.start()
    else:
        yield from _code_point(match, int(match[kind], 16))


def _entity_characters(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    if match["decimal"]:
        return _code_point(match, int(match["decimal"]))
    if match["hexadecimal"]:
        return _code_point(match, int(match["hexadecimal"], 16))
    import html  # noqa: PLC0415 - a table of 2,000 entities that most programs never need

    character = html.unescape(match.group())
    # No entity after all, or one of the few that stand for two characters: as it is.
    return iter([(character, match.start())]) if len(character) == 1 else _unchanged(match)


def _code_point(match: re.Match[str], code: int) -> Iterator[tuple[str, int]]:
    return iter([(chr(code), match.start())]) if code <= sys.maxunicode else _unchanged(match)


def _unchanged(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    return zip(match.group(), range(match.start(), match.end()), strict=True)
