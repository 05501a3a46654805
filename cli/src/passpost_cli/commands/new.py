"""``passpost new``: a package for a connector or an extension of one's own."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import click

from passpost._plugins.discovery import entry_points
from passpost.hookspecs import CONNECTOR_GROUP, EXTENSION_GROUP
from passpost_cli import options, scaffold
from passpost_cli.command import Command
from passpost_cli.failures import Refusal
from passpost_cli.terminal import one_line, out, out_json

_EPILOG: Final = """\b
The JSON document:
  {"ok": true, "id", "distribution", "folder", "files": [PATH, …],
   "next": [COMMAND, …]}
  {"ok": false, "error": {"kind", "message", "remedy"}}
"""


def _names(ctx: click.Context, param: click.Parameter, value: str) -> scaffold.Names:
    try:
        return scaffold.Names.of(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("names", metavar="NAME", callback=_names)
@click.option(
    "--directory",
    metavar="DIR",
    help="The folder to make, or an empty one to fill. [default: passpost-NAME]",
)
@click.option("--extension", is_flag=True, help="Start an extension instead.")
@options.as_json
def command(names: scaffold.Names, directory: str | None, extension: bool, as_json: bool) -> None:
    """Start a package for a connector or an extension of your own.

    NAME is the ID that settings will call it by, such as acme or acme-mail. The package works as it
    is: a connector with a provider that its tests play, an extension with each of its hooks. CHANGE
    marks what to make your own.
    """
    kind = "extension" if extension else "connector"
    _require_free(names.id, kind)
    folder = Path(directory or names.distribution)
    files = scaffold.extension_files(names) if extension else scaffold.files(names)
    _write(files, folder)
    made = {
        "id": names.id,
        "distribution": names.distribution,
        "folder": str(folder),
        "files": list(files),
        "next": _next(folder),
    }
    if as_json:
        out_json({"ok": True, **made})
    else:
        _show(made, kind)


def _require_free(name: str, kind: str) -> None:
    """Refuse a name that is taken: two packages of one name would be in each other's way."""
    group = EXTENSION_GROUP if kind == "extension" else CONNECTOR_GROUP
    for entry in entry_points(group):
        if entry.name == name:
            raise Refusal(
                f"the {kind} {name!r} is already installed: {entry.distribution}",
                "choose another name, or uninstall that package",
            )


def _write(files: dict[str, str], folder: Path) -> None:
    try:
        scaffold.write(files, folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return
    raise Refusal(f"{folder} cannot be written: {reason}", "name another folder with --directory")


def _next(folder: Path) -> list[str]:
    enter = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    return [*enter, "python -m pip install --editable '.[dev]'", "python -m pytest"]


def _show(made: dict[str, Any], kind: str) -> None:
    article = "an" if kind == "extension" else "a"
    out(f"{one_line(made['folder'])} contains {article} {kind} that works as it is:")
    for name in made["files"]:
        out(f"  {name}")
    out("\nInstall it and run its tests:")
    for line in made["next"]:
        out(f"  {one_line(line)}")
    out("\nThen look for CHANGE in it, and make it your own.")
