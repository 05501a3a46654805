"""The comments ``// passpost: ignore W212`` of a settings file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import attrs

from passpost._config.jsonc import Scan
from passpost.config import Problem
from passpost.phrases import Phrases
from passpost_tools.lint.settings import fault_of

_: Final = Phrases("passpost_tools")

_IGNORE: Final = re.compile(r"(?://|/\*)\s*passpost:\s*ignore\b[ \t:]*(?P<codes>[^*\r\n]*)")
_CODE: Final = re.compile(r"[^\s,]+")


@attrs.frozen
class Ignore:
    """One code of a comment.

    Attributes:
        code: The code.
        line: The line whose problems of this code are hidden.
        place: Line and column of the code itself.
    """

    code: str
    line: int
    place: tuple[int, int]


def ignores_in(text: str) -> tuple[Ignore, ...]:
    """Return what the comments of a text ignore; the text can be read."""
    return tuple(_Comments(text).ignores())


def hide(
    problems: Iterable[Problem], ignores: Iterable[Ignore], connectors: Collection[str], file: Any
) -> Iterator[Problem]:
    """Return the problems that no comment hides, and what is wrong with the comments."""
    unused = {(each.code, each.line): each for each in reversed([*ignores])}
    hidden = set()
    for problem in problems:
        key = (problem.code or "", problem.line or 0)
        if problem.severity == "warning" and key in unused:
            hidden.add(key)
        else:
            yield problem
    for key, each in unused.items():
        if wrong := fault_of(each.code, connectors):
            yield Problem("", *wrong, "error", file, *each.place, code="E404")
        elif key not in hidden:
            message = _("this comment hides nothing: there is no {code} here", code=each.code)
            remedy = _("remove it")
            yield Problem("", message, remedy, "warning", file, *each.place, code="W404")


class _Comments(Scan):
    """The scan of a text, which also notes comments."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._comments: list[tuple[int, int]] = []
        self._first: dict[int, int] = {}
        super().__init__(text, None)
        self.run()

    def ignores(self) -> Iterator[Ignore]:
        for start, end in self._comments:
            match = _IGNORE.match(self._text, start, end)
            if match is None:
                continue
            line = self._hidden_line(start, end)
            for code in _CODE.finditer(match["codes"]):
                yield Ignore(
                    code.group(), line, self.places.place(match.start("codes") + code.start())
                )

    def _hidden_line(self, start: int, end: int) -> int:
        """Return the line of a comment, or the next setting's line if it is on its own."""
        line = self.places.place(start)[0]
        if line in self._first:
            return line
        last = self.places.place(end)[0]
        return min((each for each in self._first if each >= last), default=line)

    def _take(self, token: Any) -> None:
        if token.kind == "comment":
            self._comments.append((token.start, token.start + len(token.text)))
        elif token.kind != "end":
            self._first.setdefault(self.places.place(token.start)[0], token.start)
        super()._take(token)
