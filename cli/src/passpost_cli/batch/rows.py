"""Reads the lines of a batch file: CSV or JSON Lines, each with its place in the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from passpost_cli.batch.json_lines import json_rows
from passpost_cli.batch.lines import MAX_LINE, LineError, Row, Source
from passpost_cli.batch.table import Table
from passpost_cli.language import _


class BatchFile(Source):
    """The file of a batch.

    Args:
        file: The open file.
        name: Its name, for problems.

    Attributes:
        digest: The hash of its content, once all rows were read.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(name)
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

    def _stat(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def _read(
        self, first: tuple[int, str], lines: Iterator[tuple[int, str]]
    ) -> Iterator[Row | LineError]:
        if first[1].lstrip()[0] in "{[":
            yield from json_rows(self, chain([first], lines))
        else:
            yield from Table(self, *first).rows(lines)

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
