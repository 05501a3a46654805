"""Reads a batch of JSON Lines: an object on each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import attrs

import passpost
from passpost import config
from passpost._wording import did_you_mean, nearest
from passpost.phrases import Phrase
from passpost_cli.batch.lines import FIELDS, LineError, Place, Row, Source
from passpost_cli.language import _

_FIELDS: Final = (*FIELDS, "payload", "headers")
# The JSON of a line has the same problems as that of settings, whose name they contain.
_OF_A_LINE: Final = {
    "the settings are empty": _("the line is empty"),
    "the settings must be an object": _("the line must be an object"),
}


class _JsonRow(Row):
    """A row that was a JSON object; it is read once more to find a place in it."""

    def __init__(self, line: int, values: dict[str, object], text: str) -> None:
        super().__init__(line, values)
        self._text = text

    def locate(self, field: str) -> Place:
        """Return the line and column of a part."""
        _, column = config.read(self._text).locate(field) or (1, 1)
        return self.line, column


def json_rows(file: Source, lines: Iterator[tuple[int, str]]) -> Iterator[Row | LineError]:
    """Return the rows of JSON Lines, and what is wrong in place of a row."""
    for number, text in lines:
        if text.strip():
            try:
                yield _json_row(file, number, text)
            except LineError as error:
                yield error


def _json_row(file: Source, number: int, text: str) -> Row:
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
            row.locate(name), _("unknown field"), did_you_mean(nearest(name, _FIELDS)), "E505"
        )
        for name in values
        if name not in _FIELDS
    ]
    if unknown:
        raise LineError(*unknown)
    return row


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(_("a key appears twice"))
    return values


def _problematic(file: Source, number: int, text: str) -> dict[str, object]:
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
