"""``passpost new``: creates a package for a connector or an extension."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import click

from passpost._plugins.discovery import entry_points
from passpost._plugins.registration import plugin_words
from passpost._wording import known
from passpost.hookspecs import CONNECTOR_GROUP, EXTENSION_GROUP
from passpost_cli import options, scaffold
from passpost_cli.command import Command
from passpost_cli.failures import CommandError
from passpost_cli.helping import json_forms
from passpost_cli.language import _
from passpost_cli.terminal import one_line, out, out_json

_EPILOG: Final = json_forms("""\
  {"ok": true, "id", "distribution", "folder", "files": [PATH, …],
   "next": [COMMAND, …]}
  {"ok": false, "error": {"kind", "message", "remedy"}}""")


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
    help=_("A new or empty folder for the package. [default: passpost-NAME]"),
)
@click.option("--extension", is_flag=True, help=_("Create an extension instead of a connector."))
@options.as_json
def command(names: scaffold.Names, directory: str | None, extension: bool, as_json: bool) -> None:
    """Create a package for your own connector or extension.

    NAME is its ID in settings, such as acme or acme-mail. The package works at once: a connector
    with a stand-in of an imaginary provider, or an extension with all hooks. CHANGE comments mark
    everything that you have to adapt.
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
        "next": _next(folder, kind),
    }
    if as_json:
        out_json({"ok": True, **made})
    else:
        _show(made, kind)


def _require_free(name: str, kind: str) -> None:
    """Reject the name of an installed package: two packages of one name would conflict."""
    group = EXTENSION_GROUP if kind == "extension" else CONNECTOR_GROUP
    for entry in entry_points(group):
        if entry.name == name:
            who = plugin_words(kind, name, "")
            raise CommandError(
                _("{who} is already installed: {package}", who=who, package=entry.distribution),
                _("choose another name, or uninstall that package"),
            )


def _write(files: dict[str, str], folder: Path) -> None:
    try:
        scaffold.write(files, folder)
    except OSError as error:
        reason = known(error.strerror or type(error).__name__)
    else:
        return
    raise CommandError(
        _("cannot write {folder}: {reason}", folder=folder, reason=reason),
        _("set --directory to another folder"),
    )


def _next(folder: Path, kind: str) -> list[str]:
    enter = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    return [*enter, scaffold.INSTALL[kind], "python -m pytest"]


def _show(made: dict[str, Any], kind: str) -> None:
    folder = one_line(made["folder"])
    if kind == "extension":
        out(_("created an extension in {folder}:", folder=folder))
    else:
        out(_("created a connector in {folder}:", folder=folder))
    for name in made["files"]:
        out(f"  {name}")
    out()
    out(_("Install it and run its tests:"))
    for line in made["next"]:
        out(f"  {one_line(line)}")
    out()
    out(_("Then search for CHANGE, and adapt those places."))
