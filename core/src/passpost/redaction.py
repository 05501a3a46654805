"""Clearing secrets and payload out of texts that come from elsewhere.

A provider's answer or an exception's text may repeat what it was sent: the password, the code, the
whole request in its own encoding. Whatever of that kind is kept in an error, a receipt or a log
goes through a `Redactor` first.
"""

from __future__ import annotations

import re
import sys
from binascii import b2a_base64
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NoReturn

import attrs

from passpost.payload import texts_in
from passpost.secret import MASK, Secret
from passpost.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MIN_LENGTH: Final = 4
"""Characters that a text must have to be masked; shorter ones are in every other word."""

MAX_CLEANED: Final = 2000
"""Characters that are kept of a cleaned text."""

_SCANNED: Final = 16_384
# Characters that one character of a secret takes at most: four octets, percent-encoded thrice.
_WIDEST: Final = 28
_LAYERS: Final = 3
# Texts with several encodings over one another; nobody but an attacker answers with more.
_MAX_VIEWS: Final = 24
_MIN_LINE: Final = 8
# No text that is looked for is longer than twice this: a fraction of what is scanned.
_CHUNK: Final = 64

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FORM: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\+")
_ENTITY: Final = re.compile(
    r"&(?:\#(?P<decimal>[0-9]{1,7})|\#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6})|[A-Za-z][A-Za-z0-9]{1,31});"
)
_BACKSLASH: Final = re.compile(
    r"\\u(?P<high>[dD][89abAB][0-9A-Fa-f]{2})\\u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|\\(?:x(?P<octet>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})|U(?P<point>[0-9A-Fa-f]{8}))"
    r"|\\(?P<letter>[bfnrt\"'\\/])"
)
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_BASE64_RUN: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
# What stands before a text in the same group of three octets, and the first character that is its.
_BASE64_OFFSETS: Final = ((b"", 0), (b"\0", 2), (b"\0\0", 3))
# Without one of these no encoding but base64 was put over a text.
_ENCODED: Final = re.compile(r"[%+&\\]")
# What a line of ASCII has not in which nothing is encoded, except perhaps in base64.
_UNUSUAL: Final = re.compile("[\x00-\x1f%&+\\\\\x7f-\U0010ffff]")
_URL_ALPHABET: Final = str.maketrans("-_", "+/")

Span = tuple[int, int]
_Characters = Callable[[re.Match[str]], "Iterator[tuple[str, int]]"]


@attrs.frozen(repr=False)
class _Known:
    """What to look for: texts, and the characters that each has in base64."""

    texts: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()

    def with_texts(self, texts: Iterable[str]) -> _Known:
        needles = dict.fromkeys(chain.from_iterable(map(_parts, texts)))
        forms = chain.from_iterable(map(_base64_forms, needles))
        return _Known((*self.texts, *needles), (*self.base64, *forms))

    def is_in(self, text: str) -> bool:
        """Say whether any of it is in a text, be it in base64."""
        found_in_base64 = map(_in_standard_base64(text).__contains__, self.base64)
        return any(map(text.__contains__, self.texts)) or any(found_in_base64)

    def longest(self) -> int:
        return max(map(len, self.texts), default=0)


class Redactor:
    """Masks secrets and payload in a text, also where they are encoded.

    Found are the texts as they stand, percent-encoded, with escapes of JSON or entities of HTML, up
    to three of these over one another, and within base64 of either alphabet. Texts shorter than
    `MIN_LENGTH` are left.

    Args:
        secrets: Passwords, keys and tokens.
        payload: JSON data whose texts and numbers are masked too.
    """

    __slots__ = ("_known",)

    def __init__(
        self, secrets: Iterable[str | Secret] = (), payload: Mapping[str, Any] | None = None
    ) -> None:
        revealed = [item.reveal() if isinstance(item, Secret) else item for item in secrets]
        self._known = _Known().with_texts([*revealed, *texts_in(payload)])

    def with_payload(self, payload: Mapping[str, Any]) -> Redactor:
        """Give a redactor that masks a payload as well; the secrets are not prepared again."""
        redactor = Redactor.__new__(Redactor)
        redactor._known = self._known.with_texts(texts_in(payload))  # noqa: SLF001 - its own class
        return redactor

    def clean(self, text: str) -> str:
        """Give a text as one line with secrets and payload masked, fit for a log and a terminal.

        Control characters become visible escapes. More than `MAX_CLEANED` characters are cut off
        after the masking, and the text says so.
        """
        usual = len(text) <= MAX_CLEANED and _UNUSUAL.search(text) is None
        if usual and not self._known.is_in(text):
            return text
        cleaned = self._mask(text[:_SCANNED], cut=len(text) > _SCANNED)
        shown = visible(cleaned)
        if shown != cleaned:
            # An escape may spell what was not there before.
            shown = self._mask(shown, cut=False)
        if len(shown) <= MAX_CLEANED and len(text) <= _SCANNED:
            return shown
        return f"{shown[:MAX_CLEANED]}… (cut after {MAX_CLEANED} characters)"

    def _mask(self, text: str, *, cut: bool) -> str:
        spans = list(self._spans(text))
        if cut:
            # The last text may have lost its end, by which it would be known.
            spans.append((len(text) - _WIDEST * self._known.longest(), len(text)))
        return _masked(text, sorted(spans)) if spans else text

    def _spans(self, text: str) -> Iterator[Span]:
        for view in _views(text):
            for start, end in self._found(view.text):
                yield view.origin(start), view.origin(end)

    def _found(self, text: str) -> Iterator[Span]:
        for needle in self._known.texts:
            if needle in text:
                yield from _occurrences(needle, text)
        standard = _in_standard_base64(text)
        if any(form in standard for form in self._known.base64):
            yield from self._base64_runs(standard)

    def _base64_runs(self, text: str) -> Iterator[Span]:
        # The whole run goes: its other characters hold the rest of the same request.
        for run in _BASE64_RUN.finditer(text):
            if any(form in run.group() for form in self._known.base64):
                yield run.span()

    def __repr__(self) -> str:
        return f"Redactor({len(self._known.texts)} texts)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor holds secrets and is not pickled")


@attrs.frozen
class _View:
    """A text, perhaps with encodings undone, whose characters know where they came from."""

    text: str
    starts: list[int] | None = None

    def origin(self, index: int) -> int:
        return index if self.starts is None else self.starts[index]


def _views(text: str) -> list[_View]:
    """Give a text as it stands, and with up to three layers of encoding undone in any order."""
    views = [_View(text)]
    if _ENCODED.search(text) is None:
        return views
    seen = {text}
    first = 0
    for _ in range(_LAYERS):
        last = len(views)
        for view in views[first:last]:
            for decoded in _undone(view):
                if decoded.text not in seen and len(views) < _MAX_VIEWS:
                    seen.add(decoded.text)
                    views.append(decoded)
        first = last
    return views


def _undone(view: _View) -> Iterator[_View]:
    """Give what one layer of each encoding may have been put over."""
    if "%" in view.text:
        yield _decoded(view, _PERCENT, _percent_characters)
    if "+" in view.text:
        yield _decoded(view, _FORM, _percent_characters)
    if "\\" in view.text:
        yield _decoded(view, _BACKSLASH, _backslash_characters)
    if "&" in view.text:
        yield _decoded(view, _ENTITY, _entity_characters)


def _decoded(view: _View, encoded: re.Pattern[str], characters: _Characters) -> _View:
    parts: list[str] = []
    starts: list[int] = []
    position = 0
    for match in encoded.finditer(view.text):
        parts.append(view.text[position : match.start()])
        starts.extend(range(position, match.start()))
        for character, start in characters(match):
            parts.append(character)
            starts.append(start)
        position = match.end()
    parts.append(view.text[position:])
    starts.extend(range(position, len(view.text) + 1))
    return _View("".join(parts), [view.origin(start) for start in starts])


def _percent_characters(match: re.Match[str]) -> Iterator[tuple[str, int]]:
    """Give what octets stand for, each character with the index at which it begins."""
    start = match.start()
    if match.group() == "+":
        yield " ", start
        return
    octets = bytes.fromhex(match.group().replace("%", ""))
    for character in octets.decode("utf-8", "surrogateescape"):
        yield character, start
        start += len("%XX") * len(character.encode("utf-8", "surrogateescape"))


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


def _parts(text: str) -> Iterable[str]:
    """Give a text, or the parts by which a long one is known where not all of it is repeated."""
    if len(text) <= 2 * _CHUNK and "\n" not in text:
        return (text,) if len(text) >= MIN_LENGTH else ()
    return _parts_of_long(text)


def _parts_of_long(text: str) -> Iterator[str]:
    if len(text) > 2 * _CHUNK:
        yield from (text[start : start + _CHUNK] for start in range(0, len(text) - _CHUNK, _CHUNK))
        yield text[-_CHUNK:]
    elif len(text) >= MIN_LENGTH:
        yield text
    # Of a key in PEM each line; its first and last line are in every such key.
    for line in text.splitlines() if "\n" in text else ():
        if len(line) >= _MIN_LINE and not line.startswith("-----"):
            yield from _parts(line)


def _base64_forms(text: str) -> list[str]:
    """Give the characters that a text has in base64 wherever it stands in what is encoded."""
    octets = text.encode("utf-8", "surrogatepass")
    # Characters at the ends also hold bits of what stands before and after: they are left out.
    return [
        str(b2a_base64(before + octets)[first : (len(before) + len(octets)) * 8 // 6], "ascii")
        for before, first in _BASE64_OFFSETS
    ]


def _in_standard_base64(text: str) -> str:
    return text.translate(_URL_ALPHABET) if "-" in text or "_" in text else text


def _occurrences(needle: str, text: str) -> Iterator[Span]:
    start = text.find(needle)
    while start >= 0:
        yield start, start + len(needle)
        # From the next character: occurrences may overlap.
        start = text.find(needle, start + 1)


def _masked(text: str, spans: Iterable[Span]) -> str:
    """Replace spans, given in order, by the mask; one mask where they overlap or touch."""
    parts: list[str] = []
    position = 0
    masked_to = -1
    for start, end in spans:
        if start > masked_to:
            parts += [text[position:start], MASK]
        masked_to = position = max(masked_to, end)
    parts.append(text[position:])
    return "".join(parts)
