"""The source line of a problem with ``^~~~`` under the value, without secrets."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, Final

import attrs

import passpost
from passpost import config
from passpost._config.jsonc import MARK, Scan, tokens_of
from passpost._config.secrecy import declared_keys
from passpost._config.structure import LINT_KEY
from passpost._text import visible

WIDTH: Final = 100
"""Columns of a source line that are shown; a longer one is cut around the caret."""

_MASK: Final = "***"
_SHORTEST: Final = 4
"""Characters of a hidden text that is looked for elsewhere; a shorter one is in many words."""

_CUT: Final = "…"
_BEFORE: Final = 30
"""Columns before the caret that stay of a line that is cut."""

_PUBLIC: Final = frozenset({"true", "false", "null"})
_OF_TEMPLATES: Final = frozenset(
    ("usageType", "subject", "content", "contentType", "text", "locale", "replyTo", "sendFrom")
)
_ALWAYS: Final = frozenset({"$schema", "use", *_OF_TEMPLATES})
_IGNORE: Final = re.compile(r"(?://|/\*)\s*passpost:\s*ignore\b")
_KEY: Final = re.compile(r"[$A-Za-z][A-Za-z_-]{0,39}|[EW][0-9]{3}")
_CREDENTIALS: Final = re.compile(r"://[^/\s]*@")
_UNDERLINED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\{\{[^{}]*\}\}\}?|<[^<>\s]*|[\w.:/@$-]+')


@attrs.frozen
class _Piece:
    """A part of a line: where it is in the text, and what is shown of it."""

    start: int
    end: int
    shown: str


class Excerpts:
    """The lines of a settings file, as far as they may be shown.

    A value is shown if it is known that it is not secret: texts of templates, and settings that a
    connector or passpost declares and that are not secret anywhere. A value that is an error is
    not: it may be a password in the wrong place. Comments are not shown.

    Args:
        text: The text of the file.
        classes: The config classes of the connectors that it uses.
    """

    def __init__(self, text: str, classes: tuple[type[Any], ...] = ()) -> None:
        text = text.removeprefix(MARK)
        self._fault = -1
        self._text = text
        self._lines = re.split(r"\r\n|\n|\r", text)
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
        scan = Scan(text, None)
        readable = not scan.run()
        self._keys = {start for start, value in scan.places.index.values() if start != value}
        self._paths: Mapping[int, tuple[str | int, ...]] = (
            {value: path for path, (_, value) in scan.places.index.items()} if readable else {}
        )
        self._tokens = [*tokens_of(text)]
        self._ends = [token.start + len(token.text) for token in self._tokens]
        kinds: tuple[type[Any], ...] = (config.ApplicationSettings, *classes)
        declared = [declared_keys(each) for each in kinds]
        secret = {key for keys in declared for key, is_secret in keys.items() if is_secret}
        self._public = {*_ALWAYS, *(key for keys in declared for key in keys)} - secret
        self._hidden = [*self._hidden_values()]

    def of(self, problem: passpost.Problem) -> list[str]:
        """Return the lines that show where a problem is; none if its place is not known."""
        if problem.line is None or not 0 < problem.line <= len(self._lines):
            return []
        first = self._starts[problem.line - 1]
        at = first + (problem.column or 1) - 1
        self._fault = at if problem.severity == "error" else -1
        pieces = [*self._pieces(first, first + len(self._lines[problem.line - 1]))]
        line = "".join(piece.shown for piece in pieces)
        caret, length = self._caret(pieces, at)
        line, caret = _cut(line, caret)
        length = max(1, min(length, _columns(line) - caret))
        number = str(problem.line)
        return [
            f"  {number} | {line}",
            f"  {' ' * len(number)} | {' ' * caret}^{'~' * (length - 1)}",
        ]

    def _caret(self, pieces: list[_Piece], at: int) -> tuple[int, int]:
        """Return the columns before the caret, and those that it underlines."""
        before = 0
        for piece in pieces:
            if at < piece.end:
                inside = max(0, at - piece.start)
                whole = piece.shown == visible(self._text[piece.start : piece.end])
                if not whole:
                    return before, _columns(piece.shown)
                rest = self._text[at : piece.end]
                match = _UNDERLINED.match(rest)
                underlined = _columns(visible(match.group())) if match else 1
                return before + _columns(visible(piece.shown[:inside])), underlined
            before += _columns(piece.shown)
        return before, 1

    def _pieces(self, first: int, last: int) -> Iterator[_Piece]:
        """Return the parts of a line, gaps between them included."""
        position = first
        number = bisect_right(self._ends, first)
        while number < len(self._tokens) and self._tokens[number].start < last:
            kind, _, at = self._tokens[number]
            start, end = max(at, first), min(self._ends[number], last)
            yield from self._gap(position, start)
            yield _Piece(start, end, self._shown(kind, at, start, end))
            position, number = end, number + 1
        yield from self._gap(position, last)

    def _gap(self, start: int, end: int) -> Iterator[_Piece]:
        if start < end:
            text = self._text[start:end]
            blank = not text.strip()
            yield _Piece(start, end, " " * len(text) if blank else _MASK)

    def _shown(self, kind: str, token: int, start: int, end: int) -> str:
        """Return what is shown of a token, or of the part of it on the line."""
        text = self._text[start:end]
        if kind == "comment":
            return visible(text) if _IGNORE.match(text) else f"{text[:2]} {_CUT}"
        if kind in ("mark", "open", "strange") or text in _PUBLIC:
            return visible(text)
        if kind == "text" and self._is_key(token, end):
            name = text[1:-1]
            return visible(text) if name in self._public or _KEY.fullmatch(name) else f'"{_CUT}"'
        return visible(text) if self._may_show(token, text) else _MASK

    def _is_key(self, token: int, end: int) -> bool:
        return token in self._keys or self._text[end : end + 20].lstrip()[:1] == ":"

    def _may_show(self, token: int, text: str) -> bool:
        path = self._paths.get(token)
        if path and token == self._fault and "templates" not in path:
            return False
        if any(hidden in text for hidden in self._hidden):
            return False
        return self._is_public(path, text)

    def _hidden_values(self) -> Iterator[str]:
        """Return the texts that are not shown, and so are not to be shown anywhere else."""
        for kind, text, start in self._tokens:
            path = self._paths.get(start)
            if kind == "text" and path and not self._is_public(path, text):
                hidden = text[1:-1]
                if len(hidden) >= _SHORTEST:
                    yield hidden

    def _is_public(self, path: tuple[str | int, ...] | None, text: str) -> bool:
        names = [step for step in path or () if isinstance(step, str)]
        if not path or not names or _CREDENTIALS.search(text):
            return False
        return names[-1] in self._public or path[0] == LINT_KEY


def _cut(line: str, caret: int) -> tuple[str, int]:
    """Cut a long line around the caret; return it with the columns before the caret."""
    line, stripped = line.rstrip(), len(line) - len(line.lstrip())
    indent = min(stripped, caret)
    line, caret = line[indent:], caret - indent
    # Where each character begins: a line may have a million of them.
    begins = [0, *accumulate(map(_width, line))]
    if begins[-1] > WIDTH and caret > WIDTH - _BEFORE:
        head = bisect_left(begins, caret - _BEFORE)
        line, caret = _CUT + line[head:], caret - begins[head] + 1
        begins = [0, *(one - begins[head] + 1 for one in begins[head:])]
    if begins[-1] > WIDTH:
        line = line[: bisect_left(begins, WIDTH) - 1] + _CUT
    return line, caret


def _columns(text: str) -> int:
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
