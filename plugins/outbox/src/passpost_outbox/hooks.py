"""Adds ``passpost worker`` and ``passpost outbox`` to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def register_commands(cli: click.Group) -> None:
    """Add the commands ``worker`` and ``outbox``."""
    # Here, since mailers load this module.
    from passpost_outbox.commands import outbox, worker  # noqa: PLC0415

    cli.add_command(worker)
    cli.add_command(outbox)
