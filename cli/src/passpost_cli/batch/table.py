"""Reads a batch of CSV: a table whose first line names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import Final

import passpost
from passpost_cli.batch.lines import FIELDS, MAX_LINE, LineError, Path, Place, Row, Source
from passpost_cli.language import _

_DELIMITERS: Final = ",;\t"
_PAYLOAD: Final = "payload."

# A key that templates can name.
_KEY: Final = re.compile(r"[^\s.{}\x00-\x1f\x7f-\x9f]{1,128}")


class _TableRow(Row):
    """A row of a table; its text is searched for a place in it."""

    def __init__(self, line: int, values: dict[str, object], table: Table, text: str) -> None:
        super().__init__(line, values)
        self._table = table
        self._text = text

    def locate(self, field: str) -> Place:
        """Return the line and column of a part."""
        index = self._table.index_of(tuple(field.split(".")))
        if index is None:
            return self.line, 1
        return self._table.place(self.line, self._text, index)


class Table:
    """A CSV file: its first line names the columns.

    Args:
        file: The file.
        number: The line of the names.
        header: The names.
    """

    def __init__(self, file: Source, number: int, header: str) -> None:
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

    def __init__(self, lines: Iterator[tuple[int, str]], file: Source) -> None:
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
