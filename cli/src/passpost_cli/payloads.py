"""Makes a payload from the command's arguments; no value of them is ever repeated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

import passpost
from passpost import config
from passpost_cli.arguments import STDIN, named
from passpost_cli.language import _
from passpost_cli.settings import read_input

if TYPE_CHECKING:
    from collections.abc import Sequence

Path = tuple[str, ...]

# The JSON of a payload has the same problems as that of settings, whose name they contain.
_OF_A_PAYLOAD: Final = {
    "the settings are empty": _("the payload is empty"),
    "the settings must be an object": _("the payload must be an object"),
    "the settings are larger than 1 MiB": _("the payload is larger than 1 MiB"),
}

# A key that templates can name.
_KEY: Final = re.compile(r"[^\s.{}\x00-\x1f\x7f-\x9f]{1,128}")


def read_payload(
    code: str | None, assignments: Sequence[str], file: str | None, *, beside: str
) -> dict[str, Any]:
    """Return the payload: the file, overridden by ``--code`` and ``--set``.

    Args:
        code: The text of ``--code``.
        assignments: The texts of ``--set``.
        file: The name of the payload's file.
        beside: The name of the settings file, which may be standard input as well.

    Raises:
        click.UsageError: An argument is invalid.
        ConfigError: The file is not valid JSON.
    """
    given: dict[Path, str] = {}
    if code is not None:
        given["code",] = code
    for assignment in assignments:
        path, text = split_assignment(assignment)
        _refuse_conflict(path, given)
        given[path] = text
    if file == beside == STDIN:
        raise click.UsageError(_("standard input can be FILE or the payload, not both"))
    values = {} if file is None else _read(file)
    for path, text in given.items():
        _put(values, path, text)
    return values


def split_assignment(assignment: str) -> tuple[Path, str]:
    """Return path and text of ``--set``.

    Raises:
        click.UsageError: It is not of the form ``NAME=TEXT``.
    """
    name, equals, text = assignment.partition("=")
    path = tuple(name.split("."))
    if not equals or not all(_KEY.fullmatch(key) for key in path):
        raise click.UsageError(_("--set requires NAME=TEXT; NAME may contain dots: user.name=Ada"))
    return path, text


def _refuse_conflict(path: Path, given: dict[Path, str]) -> None:
    for other in given:
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter]:
            first, *rest = sorted({".".join(path), ".".join(other)})
            if rest:
                wrong = _("{first} and {second} cannot be combined", first=first, second=rest[0])
            else:
                wrong = _("{name} is set twice", name=first)
            raise click.UsageError(wrong)


def _read(file: str) -> dict[str, Any]:
    # Its name is not repeated: it may be the payload itself by mistake.
    if file.lstrip().startswith("{"):
        raise click.UsageError(
            _("--payload requires the name of a JSON file or -, not JSON itself")
        )
    try:
        text = read_input(file)
    except passpost.ConfigError as error:
        reason = error.problems[0].message
    else:
        return _parsed(text, file)
    raise click.UsageError(_("--payload: {reason}", reason=reason))


def _parsed(text: bytes, file: str) -> dict[str, Any]:
    try:
        return dict(config.read(text, named(file)).data)
    except passpost.ConfigError as error:
        problems = [_of_payload(problem) for problem in error.problems]
    raise passpost.ConfigError(problems)


def _of_payload(problem: passpost.Problem) -> passpost.Problem:
    """Return a problem of the JSON in the words of a payload."""
    message = _OF_A_PAYLOAD.get(problem.message, problem.message)
    path = f"--payload: {problem.path}" if problem.path else "--payload"
    return attrs.evolve(problem, path=path, message=message)


def _put(values: dict[str, Any], path: Path, text: str) -> None:
    inner: Any = values
    for key in path[:-1]:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or isinstance(inner.get(path[-1]), dict | list):
        name = ".".join(path)
        raise click.UsageError(
            _("--set {name}: the payload file has another kind of value there", name=name)
        )
    inner[path[-1]] = text
