"""The command line of ``passpost send --batch``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
import click

from passpost._mailers.many import LIMIT
from passpost._problems import Invalid
from passpost._stores.rate import Rate
from passpost_cli import completing
from passpost_cli.arguments import STDIN, is_content
from passpost_cli.language import _

F = TypeVar("F", bound=Callable[..., Any])

_MOST: Final = 1_000
"""Emails under way at a time; more would wait for connections all the same."""


def _number(ctx: click.Context, param: click.Parameter, value: str) -> int:
    """Return a number of emails; click's own types would repeat an invalid value."""
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= _MOST):
        raise click.BadParameter(_("not a whole number from 1 to {most}", most=_MOST), ctx, param)
    return int(value)


def _rate(ctx: click.Context, param: click.Parameter, value: str | None) -> Rate | None:
    try:
        return None if value is None else Rate.from_setting(value)
    except Invalid as error:
        problem = _("{message}; {remedy}", message=error.message, remedy=error.remedy)
    raise click.BadParameter(problem, ctx, param)


_OPTIONS: Final = (
    click.option(
        "--batch",
        "batch",
        metavar="BATCH",
        shell_complete=completing.files,
        help=_('Send one email for each line of this file; "-" is standard input.'),
    ),
    click.option(
        "--journal",
        metavar="PATH",
        shell_complete=completing.files,
        help=_("With --batch: where each email is noted. [default: BATCH.journal]"),
    ),
    click.option(
        "--resume",
        is_flag=True,
        help=_("With --batch: send what the journal says is missing."),
    ),
    click.option(
        "--resend-unknown",
        is_flag=True,
        help=_("With --resume: send those once more that may have been sent."),
    ),
    click.option(
        "--concurrency",
        metavar="N",
        callback=_number,
        default=str(LIMIT),
        show_default=True,
        help=_("With --batch: how many emails are under way at a time."),
    ),
    click.option(
        "--rate",
        metavar="RATE",
        callback=_rate,
        help=_("With --batch: how many emails begin in a time, such as 100/s or 5000/h."),
    ),
)


@attrs.frozen
class Pace:
    """How fast a batch goes, and how long it waits where a provider asks for it.

    Attributes:
        limit: How many emails are under way at a time.
        rate: How many begin in a time; None for no limit.
        rounds: How often an email is sent again that was rejected for a reason that may pass.
        first_wait: Seconds before the first of these, unless the provider says more.
        longest_wait: Seconds that a provider may ask for; for more, the batch does not wait.
        failures: Failures in a row of account, provider or network after which it stops.
    """

    limit: int = LIMIT
    rate: Rate | None = None
    rounds: int = 5
    first_wait: float = 2.0
    longest_wait: float = 600.0
    failures: int = 10


@attrs.frozen
class Defaults:
    """What an email has where its line says nothing else.

    Attributes:
        usage: The usage.
        locale: The locale.
        payload: Values for the template.
    """

    usage: str | None = None
    locale: str | None = None
    payload: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class Arguments:
    """The command line of a batch.

    Attributes:
        file: The name of the batch file.
        journal: The name of its journal.
        resume: Whether a batch goes on.
        resend_unknown: Whether emails of unknown outcome are sent again.
        pace: How fast it goes.
        defaults: What an email has where its line says nothing else.
        as_json: Whether the summary is JSON.
    """

    file: str
    journal: str
    resume: bool
    resend_unknown: bool
    pace: Pace
    defaults: Defaults
    as_json: bool


def options(function: F) -> F:
    """Add the options of a batch."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def check(ctx: click.Context) -> None:
    """Check which options go together.

    Raises:
        click.UsageError: Some do not, or one is missing.
    """
    given = ctx.params
    if given["batch"] is None:
        _check_one(ctx, given)
        return
    for name in ("to", "code"):
        if given[name] is not None:
            raise click.UsageError(_("--{name} and --batch cannot be combined", name=name), ctx)
    if given["is_test"]:
        raise click.UsageError(_("--test and --batch cannot be combined"), ctx)
    if given["resend_unknown"] and not given["resume"]:
        raise click.UsageError(_("--resend-unknown requires --resume"), ctx)
    if given["batch"] == STDIN and given["journal"] is None:
        raise click.UsageError(_("--batch - requires --journal PATH"), ctx)
    if [given[name] for name in ("file", "payload_file", "batch")].count(STDIN) > 1:
        raise click.UsageError(_("standard input can be read once only"), ctx)
    if any(is_content(given[name] or "") for name in ("batch", "journal")):
        raise click.UsageError(_("--batch and --journal require names of files"), ctx)


def arguments_of(given: Mapping[str, Any], payload: Mapping[str, Any]) -> Arguments:
    """Return the command line of a batch from the parameters of the command.

    Args:
        given: The parameters.
        payload: The values of ``--set`` and ``--payload``.
    """
    return Arguments(
        file=given["batch"],
        journal=given["journal"] or f"{given['batch']}.journal",
        resume=given["resume"],
        resend_unknown=given["resend_unknown"],
        pace=Pace(limit=given["concurrency"], rate=given["rate"]),
        defaults=Defaults(given["usage"], given["locale"], payload),
        as_json=given["as_json"],
    )


def _check_one(ctx: click.Context, given: Mapping[str, Any]) -> None:
    for name in ("journal", "resume", "resend_unknown", "rate"):
        if given[name]:
            raise click.UsageError(
                _("--{name} requires --batch BATCH", name=name.replace("_", "-")), ctx
            )
    required = ("to",) if given["is_test"] else ("to", "usage")
    for param in ctx.command.params:
        if param.name in required and given[param.name] is None:
            raise click.MissingParameter(ctx=ctx, param=param)
