"""Adds ``passpost console`` to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add the command ``console``."""
    from passpost_console.command import command  # noqa: PLC0415 - mailers load this module

    cli.add_command(command)
