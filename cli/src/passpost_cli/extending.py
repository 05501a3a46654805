"""Adds the commands of extensions to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost import PluginError
from passpost._plugins.defects import describe_defect
from passpost._plugins.discovery import entry_points
from passpost._plugins.extensions import load_extension
from passpost.hookspecs import EXTENSION_GROUP
from passpost_cli.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Collection

    import click


def add_commands(cli: click.Group, own: Collection[str]) -> None:
    """Let each extension add its commands; one that is broken is a warning, and the rest works.

    Args:
        cli: The group of all commands.
        own: The names of passpost's own commands, which no extension replaces.
    """
    for entry in entry_points(EXTENSION_GROUP):
        try:
            load_extension(entry).register_commands(cli)
        except PluginError as error:
            _complain(str(error))
        # Ctrl-C among them: whether an extension raised it cannot be told.
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            who = f"the extension {entry.name!r} of {entry.distribution}"
            _complain(f"{who} failed: {describe_defect(error)}")
    for name in sorted(cli.commands.keys() & set(own)):
        complain("passpost", f"an extension's command {name} is passed over", warning=True)


def _complain(what: str) -> None:
    complain("passpost", what, "its commands are missing", warning=True)
