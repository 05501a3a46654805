"""Reads the lines of a batch file: CSV or JSON Lines, each with its place in the file."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO, Final

import attrs

import passpost
from passpost import config
from passpost._wording import did_you_mean, nearest
from passpost.phrases import Phrase
from passpost_cli.language import _

Path = tuple[str, ...]
Place = tuple[int, int]

MAX_LINE: Final = 1 << 20
"""Bytes in a line, or in a record of several lines: no email needs more."""

FIELDS: Final = ("to", "usage", "locale", "idempotency_key", "deadline", "reply_to")
"""The parts of a message that are columns."""

_JSON_FIELDS: Final = (*FIELDS, "payload", "headers")
_DELIMITERS: Final = ",;\t"
_PAYLOAD: Final = "payload."

# A key that templates can name.
_KEY: Final = re.compile(r"[^\s.{}\x00-\x1f\x7f-\x9f]{1,128}")
# The JSON of a line has the same problems as that of settings, whose name they contain.
_OF_A_LINE: Final = {
    "the settings are empty": _("the line is empty"),
    "the settings must be an object": _("the line must be an object"),
}


class LineError(Exception):
    """A line cannot be read.

    Args:
        problems: What is wrong with it.
    """

    def __init__(self, *problems: passpost.Problem) -> None:
        super().__init__(problems)
        self.problems = problems


class Row:
    """One email of the file, as its parts by name.

    Args:
        line: The line where it begins, counted from 1.
        values: Its parts.
    """

    def __init__(self, line: int, values: dict[str, object]) -> None:
        self.line = line
        self.values = values

    def locate(self, field: str) -> Place:
        """Return the line and column of a part: ``payload.code``."""
        del field
        return self.line, 1


class BatchFile:
    """The file of a batch.

    Args:
        file: The open file.
        name: Its name, for problems.

    Attributes:
        digest: The hash of its content, once all rows were read.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self.digest = b""
        self._file = file
        self._state = self._stat()

    def rows(self) -> Iterator[Row | LineError]:
        """Return its rows from the start, and what is wrong in place of a row."""
        self._file.seek(0)
        self._hash = hashlib.sha256()
        lines = self._lines()
        first = next((line for line in lines if line[1].strip()), None)
        if first is not None:
            try:
                yield from self._read(first, lines)
            except LineError as error:
                # After this one nothing can be told apart.
                yield error
        self.digest = self._hash.digest()

    def was_changed(self) -> bool:
        """Return whether the file was written to since it was opened."""
        return self._stat() != self._state

    def problem(self, place: Place, message: str, remedy: str, code: str) -> passpost.Problem:
        """Return a problem at a place of the file."""
        return passpost.Problem("", message, remedy, "error", self.name, *place, code=code)

    def _stat(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def _read(
        self, first: tuple[int, str], lines: Iterator[tuple[int, str]]
    ) -> Iterator[Row | LineError]:
        if first[1].lstrip()[0] in "{[":
            yield from _json_rows(self, chain([first], lines))
        else:
            yield from _Table(self, *first).rows(lines)

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Return each line with its number.

        Raises:
            LineError: A line is too long, or not UTF-8.
        """
        number = 0
        while line := self._file.readline(MAX_LINE + 1):
            number += 1
            self._hash.update(line)
            if len(line) > MAX_LINE:
                text = _("the line is longer than 1 MiB")
                remedy = _("write one email on each line")
                raise LineError(self.problem((number, 1), text, remedy, "E501"))
            yield number, self._decoded(number, line)

    def _decoded(self, number: int, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            column = len(line[: error.start].decode("utf-8")) + 1
        text = _("this byte is not valid UTF-8")
        remedy = _("save the file as UTF-8, in a spreadsheet as “CSV UTF-8”")
        raise LineError(self.problem((number, column), text, remedy, "E500"))


# JSON Lines.


class _JsonRow(Row):
    """A row that was a JSON object; it is read once more to find a place in it."""

    def __init__(self, line: int, values: dict[str, object], text: str) -> None:
        super().__init__(line, values)
        self._text = text

    def locate(self, field: str) -> Place:
        """Return the line and column of a part."""
        _, column = config.read(self._text).locate(field) or (1, 1)
        return self.line, column


def _json_rows(file: BatchFile, lines: Iterator[tuple[int, str]]) -> Iterator[Row | LineError]:
    for number, text in lines:
        if text.strip():
            try:
                yield _json_row(file, number, text)
            except LineError as error:
                yield error


def _json_row(file: BatchFile, number: int, text: str) -> Row:
    try:
        values = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        # Slower, but it knows what is wrong, and where.
        values = _problematic(file, number, text)
    row = _JsonRow(number, values, text)
    unknown = [
        file.problem(
            row.locate(name), _("unknown field"), did_you_mean(nearest(name, _JSON_FIELDS)), "E505"
        )
        for name in values
        if name not in _JSON_FIELDS
    ]
    if unknown:
        raise LineError(*unknown)
    return row


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(_("a key appears twice"))
    return values


def _problematic(file: BatchFile, number: int, text: str) -> dict[str, object]:
    try:
        return dict(config.read(text, file.name).data)
    except passpost.ConfigError as error:
        problems = [_of_line(problem, number) for problem in error.problems]
    raise LineError(*problems)


def _of_line(problem: passpost.Problem, number: int) -> passpost.Problem:
    """Return a problem of the JSON in the words of a line."""
    message = _OF_A_LINE.get(problem.message, problem.message)
    # To the JSON of a line, each place is on line 1.
    if isinstance(message, Phrase) and "line" in message.values:
        message = Phrase(message.package, message.template, {**message.values, "line": number})
    return attrs.evolve(problem, message=message, line=number, column=problem.column or 1)


# CSV.


class _TableRow(Row):
    """A row of a table; its text is searched for a place in it."""

    def __init__(self, line: int, values: dict[str, object], table: _Table, text: str) -> None:
        super().__init__(line, values)
        self._table = table
        self._text = text

    def locate(self, field: str) -> Place:
        """Return the line and column of a part."""
        index = self._table.index_of(tuple(field.split(".")))
        if index is None:
            return self.line, 1
        return self._table.place(self.line, self._text, index)


class _Table:
    """A CSV file: its first line names the columns.

    Args:
        file: The file.
        number: The line of the names.
        header: The names.
    """

    def __init__(self, file: BatchFile, number: int, header: str) -> None:
        self._file = file
        self._delimiter = max(_DELIMITERS, key=header.count)
        self._paths = self._columns(number, header)

    def rows(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row | LineError]:
        """Return the rows below the names."""
        # The limit of all of a record is the only one: see `_Record`.
        csv.field_size_limit(2 * MAX_LINE)
        record = _Record(lines, self._file)
        reader = csv.reader(record, delimiter=self._delimiter, strict=True)
        while True:
            record.clear()
            try:
                cells = next(reader, None)
                if cells is None:
                    return
                if cells:
                    yield self._row(record, cells)
            except csv.Error as error:
                yield LineError(self._invalid(record, str(error)))
            except LineError as error:
                if record.broken:
                    raise
                yield error

    def index_of(self, path: Path) -> int | None:
        """Return the column of a part, if it has one."""
        return self._paths.index(path) if path in self._paths else None

    def place(self, line: int, text: str, index: int) -> Place:
        """Return the line and column where a cell begins.

        Args:
            line: The line of the row.
            text: The text of the row.
            index: The cell.
        """
        column, quoted = 1, False
        for character in text:
            if not index:
                break
            column += 1
            if character == '"':
                quoted = not quoted
            elif character == "\n":
                line, column = line + 1, 1
            elif character == self._delimiter and not quoted:
                index -= 1
        return line, column

    def _row(self, record: _Record, cells: Sequence[str]) -> Row:
        if len(cells) != len(self._paths):
            text = _(
                "{values} values in the line, {columns} columns in the first line",
                values=len(cells),
                columns=len(self._paths),
            )
            remedy = _(
                "put a value that contains `{delimiter}` into double quotes",
                delimiter=self._delimiter,
            )
            raise LineError(self._file.problem((record.line, 1), text, remedy, "E504"))
        values: dict[str, object] = {}
        for path, cell in zip(self._paths, cells, strict=True):
            # An empty cell is a value that is missing: an email without its code is useless.
            if cell:
                inner: dict[str, object] = values
                for key in path[:-1]:
                    inner = inner.setdefault(key, {})  # type: ignore[assignment]  # columns never cross
                inner[path[-1]] = cell
        return _TableRow(record.line, values, self, record.text)

    def _invalid(self, record: _Record, reason: str) -> passpost.Problem:
        quotes = _("put a value with quotes into double quotes, and double the quotes in it")
        return self._file.problem(
            (record.line, 1), _("not valid CSV: {reason}", reason=reason), quotes, "E504"
        )

    def _columns(self, number: int, header: str) -> list[Path]:
        try:
            (names,) = csv.reader([header], delimiter=self._delimiter, strict=True)
        except csv.Error as error:
            raise LineError(self._invalid(_Record.of(number), str(error))) from None
        paths = [_path(name.strip()) for name in names]
        self._paths = paths
        problems = [
            self._file.problem(self.place(number, header, index), text, remedy, "E503")
            for index, path in enumerate(paths)
            if (text := _invalid_column(path, paths[:index]))
            for remedy in [_("give each column a name of its own: to,code,user.name")]
        ]
        if ("to",) not in paths:
            text = _("the first line names no column `to`")
            remedy = _("begin with a line of column names: to,usage,code")
            problems.append(self._file.problem((number, 1), text, remedy, "E502"))
        if problems:
            raise LineError(*problems)
        return paths


class _Record:
    """The lines of the record that is being read."""

    def __init__(self, lines: Iterator[tuple[int, str]], file: BatchFile) -> None:
        self._lines = lines
        self._file = file
        self.clear()
        self.line = 0
        self.broken = False

    @classmethod
    def of(cls, number: int) -> _Record:
        """Return a record at a line, for a problem of it."""
        record = cls.__new__(cls)
        record.line = number
        return record

    def clear(self) -> None:
        """Begin with the next record."""
        self._texts: list[str] = []
        self._size = 0

    @property
    def text(self) -> str:
        """The text of the record."""
        return "".join(self._texts)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            number, text = next(self._lines)
        except LineError:
            self.broken = True
            raise
        if not self._texts:
            self.line = number
        self._texts.append(text)
        self._size += len(text)
        if self._size > MAX_LINE:
            self.broken = True
            problem = _("a value in double quotes goes on for more than 1 MiB")
            remedy = _("end it with a double quote")
            raise LineError(self._file.problem((self.line, 1), problem, remedy, "E501"))
        return text


def _path(name: str) -> Path:
    """Return what a column is: a field of the message, or a path within its payload."""
    shape = name.lower().replace("-", "").replace("_", "")
    for field in FIELDS:
        if shape == field.replace("_", ""):
            return (field,)
    return ("payload", *name.removeprefix(_PAYLOAD).split("."))


def _invalid_column(path: Path, before: Sequence[Path]) -> str | None:
    if not all(_KEY.fullmatch(key) for key in path):
        return _("not a name that a template can use")
    for other in before:
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter]:
            return _("another column has this name, or a part of it")
    return None
