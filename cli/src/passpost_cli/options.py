"""The arguments that several commands have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from passpost_cli import completing
from passpost_cli.language import _

F = TypeVar("F", bound=Callable[..., Any])

A_DAY: Final = 86_400.0
"""The longest timeout, in seconds."""


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a number of seconds; click's own types would repeat an invalid value."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    # In this form, since any comparison with NaN is false.
    if not 0 < seconds <= A_DAY:
        raise click.BadParameter(_("not a number of seconds above 0, at most 86400"), ctx, param)
    return seconds


settings_file: Final = click.argument("file", metavar="FILE", shell_complete=completing.files)
connector: Final = click.option(
    "--connector",
    metavar="ID",
    shell_complete=completing.connectors,
    help=_(
        "The connector of FILE, if FILE is one connector's own settings. In an application's "
        "file: use only the connector of this name."
    ),
)
locale: Final = click.option(
    "--locale",
    metavar="TAG",
    shell_complete=completing.languages,
    help=_("The recipient's languages, such as zh-CN; the preferred one first."),
)
as_json: Final = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help=_("Print one JSON document, for errors as well; see below."),
)
_PAYLOAD: Final = (
    click.option("--code", metavar="CODE", help=_("The code in the email: {{code}} in templates.")),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="NAME=TEXT",
        help=_("A text for the template: user.name=Ada. Repeat it for more texts."),
    ),
    click.option(
        "--payload",
        "payload_file",
        metavar="JSONFILE",
        shell_complete=completing.files,
        help=_(
            'Values for the template, as a JSON file; "-" is standard input. --code and --set '
            "override it."
        ),
    ),
)


def payload(function: F) -> F:
    """Add the options of the payload."""
    for option in reversed(_PAYLOAD):
        function = option(function)
    return function


def usage(*, required: bool) -> Callable[[F], F]:
    """Return the option ``--usage``."""
    text = _("What the email is for: SignIn, Register, …")
    return click.option(
        "--usage",
        required=required,
        metavar="USAGE",
        help=text,
        shell_complete=completing.usages,
    )


def timeout(help_text: str) -> Callable[[F], F]:
    """Return the option ``--timeout``."""
    return click.option("--timeout", callback=_seconds, metavar="SECONDS", help=help_text)
