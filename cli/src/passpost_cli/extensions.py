"""Looks for extensions, adds their commands, and leaves them out if the user says so."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import click

import passpost
from passpost.phrases import said
from passpost_cli.language import _
from passpost_cli.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Collection

_LEFT_OUT: Final = "passpost.extensions_left_out"
_GROUP: Final = b"passpost.extensions"
_METADATA: Final = (".dist-info", ".egg-info", "EGG-INFO")


def leave_extensions_out(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Store the value of ``--no-extensions``."""
    del param
    ctx.meta[_LEFT_OUT] = value


def uses_extensions(ctx: click.Context | None = None) -> bool:
    """Return whether the extensions of the environment are in use."""
    ctx = ctx or click.get_current_context(silent=True)
    return ctx is None or not ctx.meta.get(_LEFT_OUT, False)


def make_host(*extensions: object) -> passpost.Host:
    """Return a host with the installed extensions, unless the user left them out.

    Args:
        extensions: Those of a command itself.
    """
    return passpost.Host(extensions, installed_extensions=None if uses_extensions() else ())


def may_have_extensions() -> bool:
    """Return whether ``importlib.metadata`` could find an extension.

    It reads folders only: importing ``importlib.metadata`` costs more than ``passpost --help``.
    """
    # By name, since the class itself is private to importlib.
    finders = [one for one in sys.meta_path if getattr(one, "__name__", "") != "PathFinder"]
    if any(hasattr(finder, "find_distributions") for finder in finders):
        return True
    return any(_declared_in(folder) for folder in sys.path)


def add_commands(cli: click.Group, own: Collection[str]) -> None:
    """Let each extension add its commands; a broken extension is a warning.

    Args:
        cli: The group of all commands.
        own: The names of passpost's own commands, which no extension replaces.
    """
    from passpost._plugins.defects import describe_defect  # noqa: PLC0415 - few have extensions
    from passpost._plugins.discovery import entry_points  # noqa: PLC0415 - likewise
    from passpost._plugins.extensions import load_extension  # noqa: PLC0415 - likewise
    from passpost._plugins.registration import plugin_words  # noqa: PLC0415 - likewise
    from passpost.hookspecs import EXTENSION_GROUP  # noqa: PLC0415 - likewise

    for entry in entry_points(EXTENSION_GROUP):
        try:
            load_extension(entry).register_commands(cli)
        except passpost.PluginError as error:
            _warn(_("{error}; its commands are missing", error=said(error)))
        # Including Ctrl-C, which the extension may have raised itself.
        except BaseException as error:  # noqa: BLE001 - an extension may raise anything
            who = plugin_words("extension", entry.name, entry.distribution)
            what = describe_defect(error)
            _warn(_("{who} failed: {what}; its commands are missing", who=who, what=what))
    for name in sorted(cli.commands.keys() & set(own)):
        _warn(
            _(
                "an extension's command `{name}` is ignored: passpost has a command of this name",
                name=name,
            )
        )


def _warn(problem: str) -> None:
    complain("passpost", problem, warning=True)


def _declared_in(folder: str) -> bool:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - pathlib costs more than the whole look
    except NotADirectoryError:
        # A zip file, which importlib.metadata looks into.
        return True
    except OSError:
        return False
    return any(_declares(folder, name) for name in names if name.endswith(_METADATA))


def _declares(folder: str, name: str) -> bool:
    path = os.path.join(folder, name, "entry_points.txt")  # noqa: PTH118 - likewise
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            return _GROUP in file.read()
    except OSError:
        return False
