"""The host that commands use."""

from __future__ import annotations

from typing import Final

import click

import passpost

_LEFT_OUT: Final = "passpost.extensions_left_out"


def leave_extensions_out(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Remember that the user gave ``--no-extensions``."""
    del param
    ctx.meta[_LEFT_OUT] = value


def uses_extensions(ctx: click.Context | None = None) -> bool:
    """Return whether the user wants the extensions of the environment."""
    ctx = ctx or click.get_current_context(silent=True)
    return ctx is None or not ctx.meta.get(_LEFT_OUT, False)


def make_host() -> passpost.Host:
    """Return a host with the extensions that the user wants."""
    return passpost.Host(installed_extensions=None if uses_extensions() else ())
