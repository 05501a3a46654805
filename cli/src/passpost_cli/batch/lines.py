"""What the readers of batch files have in common: rows, places, and what is wrong with a line."""

from __future__ import annotations

from typing import Final

import passpost

Path = tuple[str, ...]
Place = tuple[int, int]

MAX_LINE: Final = 1 << 20
"""Bytes in a line, or in a record of several lines: no email needs more."""

FIELDS: Final = ("to", "usage", "locale", "idempotency_key", "deadline", "reply_to")
"""The parts of a message that are columns."""


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


class Source:
    """What rows come from.

    Args:
        name: The name of the file, for problems.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def problem(self, place: Place, message: str, remedy: str, code: str) -> passpost.Problem:
        """Return a problem at a place of the file."""
        return passpost.Problem("", message, remedy, "error", self.name, *place, code=code)
