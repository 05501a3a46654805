"""Settings: what the operator wrote, with the place of each part in the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from passpost._paths import Path, joined, path_keys, path_text
from passpost._problems import Problem, Severity

Place = tuple[int, int]
"""Line and column, both counted from 1; columns are characters."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")

# One character of a text in JSON: unescaped, as an escape, or as a pair of escapes.
_CHARACTER: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]"
)


class Places:
    """The text of a settings file, which knows its lines, and where each key and value begins.

    Attributes:
        text: The text.
        index: Offsets of key and value by path; the value of a list's item has no key of its own.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.index: dict[Path, tuple[int, int]] = {}

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self.text))]

    def place(self, offset: int) -> Place:
        """Return the line and column of the character at an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def locate(self, path: Path, *, key: bool = False) -> Place:
        """Return the place of a value or its key; of what encloses it where it is not written."""
        written = path
        while written not in self.index:
            written = written[:-1]
        at_key = key and written == path
        return self.place(self.index[written][0 if at_key else 1])

    def locate_within(self, path: Path, offset: int) -> Place:
        """Return the place of one character of a text; of the value where it is not text."""
        start = self.index.get(path, (0, -1))[1]
        if start < 0 or self.text[start] != '"':
            return self.locate(path)
        position = start + 1
        for _ in range(offset):
            character = _CHARACTER.match(self.text, position)
            # Past the end: the text came from elsewhere, so its reference is all there is to show.
            if character is None or character.group() == '"':
                return self.locate(path)
            position = character.end()
        return self.place(position)


class Settings(Mapping[str, Any]):
    """A mapping of what the operator wrote, with the places of its parts in the file.

    Its ``repr`` shows no value: any of them may be a secret.

    Args:
        data: The settings.
        file: The file they came from, if they came from one.
        places: Where its parts are in that file.
        prefix: The path of these settings in the file, where they are a part of it.
    """

    __slots__ = ("_places", "data", "file", "found", "prefix")

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        file: str | None = None,
        places: Places | None = None,
        prefix: Path = (),
    ) -> None:
        self.data = data
        self.file = file
        self.prefix = prefix
        self._places = places
        # What `parse` found on its way, for `Host`: see `passpost._config.reading`.
        self.found: Any = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Settings:
        """Return settings unchanged, or a plain mapping as settings without places."""
        return settings if isinstance(settings, Settings) else cls(settings)

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        origin = f" from {self.file!r}" if self.file else ""
        return f"<Settings{origin} with {len(self.data)} keys>"

    @property
    def text(self) -> str | None:
        """The text of the file, or None where the settings came from no text."""
        return self._places.text if self._places else None

    def locate(self, path: Path | str, *, key: bool = False) -> Place | None:
        """Return the line and column where a value begins, or of what encloses it if it is absent.

        Args:
            path: Keys and indexes, or the text ``templates[0].usageType``, within these settings.
            key: Whether to return the key's place instead of the value's.

        Returns:
            Line and column, counted from 1, or None where the settings came from no file.
        """
        return self._places.locate(self._full(path), key=key) if self._places else None

    def locate_within(self, path: Path | str, offset: int) -> Place | None:
        """Return the place of the character at `offset`, counted from 0, in the text at `path`."""
        return self._places.locate_within(self._full(path), offset) if self._places else None

    def sub(self, *path: str | int) -> Settings:
        """Return the settings within these at a path; empty ones where there is no mapping.

        Paths are relative to them, and problems show the full path.
        """
        data: Any = self.data
        for step in path:
            inside = isinstance(data, Mapping) and step in data
            data = data[step] if inside else None
        return self.having(data if isinstance(data, Mapping) else {}, prefix=path)

    def having(self, data: Mapping[str, Any], *, prefix: Path = ()) -> Settings:
        """Return other data at the same places."""
        return Settings(data, file=self.file, places=self._places, prefix=(*self.prefix, *prefix))

    def problem(  # noqa: PLR0913 - each is one fact of the problem; most have defaults
        self,
        path: Path,
        message: str,
        remedy: str = "",
        *,
        severity: Severity = "error",
        key: bool = False,
        offset: int | None = None,
        code: str | None = None,
    ) -> Problem:
        """Return a problem at a path of these settings, with its full path and its place.

        Args:
            path: Where in these settings.
            message: What is wrong.
            remedy: How to fix it.
            severity: ``error`` or ``warning``.
            key: Whether the key is at fault rather than the value.
            offset: The character of the text at fault, counted from 0.
            code: Which kind of problem it is.
        """
        place = self.locate(path, key=key) if offset is None else self.locate_within(path, offset)
        line, column = place or (None, None)
        full = path_text((*self.prefix, *path))
        return Problem(full, message, remedy, severity, self.file, line, column, code=code)

    def placed(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Return problems with relative paths, with full path, file, line and column filled in."""
        return tuple(self._placed(problem) for problem in problems)

    def _placed(self, problem: Problem) -> Problem:
        line, column = self.locate(problem.path) or (None, None)
        path = joined(path_text(self.prefix), problem.path)
        return attrs.evolve(problem, path=path, file=self.file, line=line, column=column)

    def _full(self, path: Path | str) -> Path:
        return (*self.prefix, *(path_keys(path) if isinstance(path, str) else path))
