from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from passpost import ConfigError
from passpost._config.jsonc import Scan
from passpost._config.settings import Places
from passpost.config import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passpost import Problem
    from passpost._paths import Path

# Surrogates cannot be written to a file.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=5)

SPACE = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", "\r"])
COMMENT = st.builds("/*{}*/".format, TEXTS.map(lambda text: text.replace("*/", ""))) | st.builds(
    "//{}\n".format, TEXTS.map(lambda text: text.replace("\n", "").replace("\r", ""))
)
# Drawn once for a whole text: a draw for each gap takes most of the time.
FILLERS = st.lists(SPACE | COMMENT | SPACE, min_size=1, max_size=9)
CHOICES = st.lists(st.booleans(), min_size=1, max_size=5)


class Writer:
    """Writes JSON as a person might, and remembers where it wrote what."""

    def __init__(self, fillers: list[str], choices: list[bool]) -> None:
        self._fillers = itertools.cycle(fillers)
        self._choices = itertools.cycle(choices)
        self.parts: list[str] = []
        self.length = 0
        self.index: dict[Path, tuple[int, int]] = {}

    def put(self, text: str) -> int:
        start = self.length
        self.parts.append(text)
        self.length += len(text)
        return start

    def fill(self) -> None:
        self.put(next(self._fillers))

    def scalar(self, value: Any) -> int:
        return self.put(json.dumps(value, ensure_ascii=next(self._choices)))

    def write(self, value: Any, path: Path = (), key: int | None = None) -> None:
        self.fill()
        start = self.length
        self.index[path] = (start if key is None else key, start)
        if isinstance(value, dict):
            self.members("{", "}", path, iter(value.items()), len(value))
        elif isinstance(value, list):
            self.members("[", "]", path, iter(enumerate(value)), len(value))
        else:
            self.scalar(value)
        self.fill()

    def members(
        self, opener: str, closer: str, path: Path, items: Iterator[tuple[Any, Any]], count: int
    ) -> None:
        self.put(opener)
        for number, (step, value) in enumerate(items):
            key = None
            if opener == "{":
                self.fill()
                key = self.scalar(step)
                self.fill()
                self.put(":")
            self.write(value, (*path, step), key)
            if number + 1 < count or next(self._choices):
                self.put(",")
                self.fill()
        self.put(closer)


@given(OBJECTS, FILLERS, CHOICES)
def test_reads_what_was_decorated(
    value: dict[str, Any], fillers: list[str], choices: list[bool]
) -> None:
    writer = Writer(fillers, choices)
    writer.write(value)
    text = "".join(writer.parts)
    settings = read(text)
    assert settings.data == json.loads(json.dumps(value))
    assert read(text.encode()).data == settings.data
    places = Places(text)
    for path, (key, start) in writer.index.items():
        assert settings.locate(path) == places.place(start)
        assert settings.locate(path, key=True) == places.place(key)
    scan = Scan(text, None)
    assert scan.run() == []
    assert len(scan.blanked()) == len(text)


def counted(text: str) -> Iterator[tuple[int, int]]:
    """Count lines and columns one character after the other, the end of the text included."""
    line, column = 1, 1
    for index, char in enumerate(text):
        yield line, column
        ends = char == "\n" or (char == "\r" and text[index + 1 : index + 2] != "\n")
        line, column = (line + 1, 1) if ends else (line, column + 1)
    yield line, column


@given(st.text(st.sampled_from("a\r\n中\u2028"), max_size=30))
def test_counts_lines_and_columns(text: str) -> None:
    places = Places(text)
    assert [places.place(offset) for offset in range(len(text) + 1)] == list(counted(text))


def problems_of(text: str | bytes) -> tuple[Problem, ...] | None:
    """Return what is wrong with a text, or None where it can be read."""
    try:
        read(text)
    except ConfigError as error:
        return error.problems
    return None


JSON_LIKE = st.lists(
    st.sampled_from(
        [
            *'{}[]:,"\\/*-.0159eE \n\rtu\t\ud800é，\ufeff',
            *("//", "/*", "*/", '"a"', '"b"', "null", "true", "NaN", "0x1", "1e9"),
            *("\\u12", "\\ud800"),
        ]
    ),
    max_size=25,
).map("".join)


@given(JSON_LIKE | JSON_LIKE.map("{{{}}}".format) | st.text())
def test_refuses_exactly_what_json_refuses_once_blanked(text: str) -> None:
    scan = Scan(text, None)
    problems = scan.run()
    found = problems_of(text)
    assert found is None or all(problem.line and problem.column for problem in found)
    refused = found is not None
    if text.startswith("\ufeff"):
        return
    assert refused == bool(problems)
    if not any(mark in text for mark in ("//", "/*", ",")):
        # Then nothing was blanked, and the standard's own parser is the judge.
        assert refused == (not _is_plain_json(text))


@given(st.binary(max_size=60))
def test_any_bytes_give_settings_or_problems(data: bytes) -> None:
    assert problems_of(data) != ()


def _is_plain_json(text: str) -> bool:
    """Return whether the standard takes the text, and it is an object that can be written."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return isinstance(value, dict)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
