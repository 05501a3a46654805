"""The arguments that several commands of the outbox have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import click

from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_cli.failures import CommandError
from passpost_cli.options import as_json, settings_file

__all__ = ["as_json", "finished", "number", "seconds", "settings_file"]

_ = Phrases("passpost_outbox")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def number(name: str, *, default: int, help_text: str) -> Callable[[F], F]:
    """Return an option with a whole number; click's own types would repeat an invalid value."""

    def checked(ctx: click.Context, param: click.Parameter, value: str) -> int:
        if value.isascii() and value.isdecimal() and 1 <= int(value) <= 1_000_000:  # noqa: PLR2004 - more would be a mistake
            return int(value)
        raise click.BadParameter(_("not a whole number from 1 to 1000000"), ctx, param)

    return click.option(
        name,
        callback=checked,
        metavar="NUMBER",
        default=str(default),
        show_default=True,
        help=help_text,
    )


def seconds(name: str, help_text: str, *, required: bool = False) -> Callable[[F], F]:
    """Return an option with a time: ``90s``, ``10min``, ``2h`` or ``7d``."""

    def checked(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        digits = value.rstrip("smindh")
        unit = _UNITS.get(value[len(digits) :])
        if unit is not None and digits.isascii() and digits.isdecimal() and len(digits) < 9:  # noqa: PLR2004 - a century in seconds
            return float(int(digits) * unit)
        raise click.BadParameter(_("not a time such as 90s, 10min, 2h or 7d"), ctx, param)

    return click.option(name, callback=checked, metavar="TIME", help=help_text, required=required)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns; a store that fails is an error of the command."""
    try:
        return asyncio.run(work)
    except StoreError as error:
        failure = CommandError(error.args[0], error.hint)
    raise failure
