"""The arguments that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

A_DAY: Final = 86_400.0
"""Seconds: the longest that a command may wait."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a number of seconds; click's own types would quote what they refuse."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    # Written so that it refuses what is not a number, too.
    if not 0 < seconds <= A_DAY:
        raise click.BadParameter("it is a number of seconds, above 0, at most a day", ctx, param)
    return seconds


settings_file: Final = click.argument("file", metavar="FILE")
connector: Final = click.option(
    "--connector",
    metavar="ID",
    help="FILE is this connector's own settings. For an application's file: take its connector of "
    "this name.",
)
usage: Final = click.option(
    "--usage", required=True, metavar="USAGE", help="What the mail is for: SignIn, Register, …"
)
locale: Final = click.option(
    "--locale", metavar="TAG", help="The language wanted, such as zh-CN; best first if several."
)
as_json: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, also for errors; see below."
)
_PAYLOAD: Final = (
    click.option("--code", metavar="CODE", help="The code in the mail: {{code}} in templates."),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=TEXT",
        help="A text for the template: user.name=Ada. May be given several times.",
    ),
    click.option(
        "--payload",
        "payload_file",
        metavar="JSONFILE",
        help='Values for the template, as a JSON file; "-" is standard input. --code and --set '
        "come on top.",
    ),
)


def payload(function: F) -> F:
    """Add the options that make the payload."""
    for option in reversed(_PAYLOAD):
        function = option(function)
    return function


def timeout(help_text: str) -> Callable[[F], F]:
    """Make the option ``--timeout``."""
    return click.option("--timeout", callback=_seconds, metavar="SECONDS", help=help_text)
