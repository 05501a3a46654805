"""Adds the commands of extensions to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost.cli.program import SUMMARIES
from passpost.cli.terminal import complain
from passpost.defects import describe_defect
from passpost.discovery import distribution_of, entry_points
from passpost.errors import PluginError
from passpost.extensions import Extensions
from passpost.hookspecs import EXTENSION_GROUP

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import click


def add_commands(cli: click.Group) -> None:
    """Let each extension add its commands; one that is broken is a warning, and the rest works."""
    for entry in entry_points(EXTENSION_GROUP):
        try:
            _add(entry, cli)
        except PluginError as error:
            complain("passpost", str(error), "its commands are missing", warning=True)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any plugin's any mistake
            _complain_of(entry, describe_defect(error))
    for name in sorted(SUMMARIES.keys() & cli.commands.keys()):
        complain("passpost", f"an extension's command {name} is passed over", warning=True)


def _add(entry: EntryPoint, cli: click.Group) -> None:
    # Each in a manager of its own, so that one which breaks the contract takes no other with it.
    extension = Extensions()
    extension.add(entry.load(), entry.name, distribution_of(entry))
    extension.register_commands(cli)


def _complain_of(entry: EntryPoint, what: str) -> None:
    who = f"the extension {entry.name!r} of {distribution_of(entry)}"
    complain("passpost", f"{who} failed: {what}", "its commands are missing", warning=True)
