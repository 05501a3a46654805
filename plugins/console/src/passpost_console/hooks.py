"""Adds ``passpost console`` and ``passpost inbox`` to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add the commands ``console`` and ``inbox``."""
    # Mailers load this module.
    from passpost_console.command import command as console  # noqa: PLC0415
    from passpost_console.inbox_command import command as inbox  # noqa: PLC0415

    cli.add_command(console)
    cli.add_command(inbox)
