"""``passpost connectors``: the installed connectors and extensions, broken ones included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
import click

import passpost
from passpost._plugins.defects import describe_defect
from passpost._plugins.registration import plugin_words
from passpost.phrases import said
from passpost_cli import options
from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.helping import json_forms
from passpost_cli.language import _, language, say
from passpost_cli.terminal import labelled, one_line, out, out_json
from passpost_tools.texts import in_language

_BROKEN: Final = _("broken")

_EPILOG: Final = "\n\n".join(
    (
        json_forms("""\
  {"ok": true, "connectors": [{"id", "name", "description", "distribution",
   "version", "module", "guide": [LANGUAGE, …], "capabilities": [NAME, …],
   "presets": [ID, …], "error": null|TEXT}, …],
   "extensions": [{"name", "distribution", "version", "module",
   "active": true|false, "hooks": [NAME, …], "error": null|TEXT}, …]}"""),
        _('"error" says why it is broken. "active" is false with --no-extensions.'),
    )
)


@click.command(cls=Command, epilog=_EPILOG)
@options.as_json
def command(as_json: bool) -> None:
    """List the installed connectors and extensions.

    Each is loaded to check that it works; a broken one is listed with its error.
    """
    host = make_host()
    spoken = "en" if as_json else language()
    connectors = [_described(host, installed, spoken) for installed in host.installed()]
    extensions = host.installed_extensions()
    if as_json:
        listed = [attrs.asdict(extension) for extension in extensions]
        out_json({"ok": True, "connectors": connectors, "extensions": listed})
        return
    if connectors:
        _show((entry["id"], _lines(entry)) for entry in connectors)
    else:
        out(_("no connectors are installed; for example: pip install passpost-smtp"))
    if extensions:
        out()
        out(_("Extensions:"))
        _show((one.name, _extension_lines(one)) for one in extensions)


def _described(
    host: passpost.Host, installed: passpost.InstalledConnector, spoken: str
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": installed.id,
        "name": installed.id,
        "description": "",
        "distribution": installed.distribution,
        "version": installed.version,
        "module": installed.module,
        "guide": [],
        "capabilities": [],
        "presets": [],
        "error": installed.error,
    }
    if installed.error is None:
        entry.update(_loaded(host, installed, spoken))
    return entry


def _loaded(
    host: passpost.Host, installed: passpost.InstalledConnector, spoken: str
) -> dict[str, Any]:
    # A connector is only known to work once it is loaded.
    try:
        return _facts(host.info(installed.id), spoken)
    except passpost.PluginError as error:
        return {"error": said(error)}
    # One connector's defect must not hide the others.
    except BaseException as error:  # noqa: BLE001
        who = plugin_words("connector", installed.id, installed.distribution)
        what = describe_defect(error)
        return {"error": _("{who} fails to describe itself: {what}", who=who, what=what)}


def _facts(info: passpost.ConnectorInfo, spoken: str) -> dict[str, Any]:
    return {
        "name": one_line(in_language(info.name, spoken)),
        "description": one_line(in_language(info.description, spoken)),
        "guide": sorted(info.guide),
        "capabilities": sorted(info.capabilities),
        "presets": [preset.id for preset in info.presets],
    }


def _show(entries: Iterable[tuple[str, list[str]]]) -> None:
    entries = list(entries)
    width = max(len(one_line(name)) for name, _ in entries) + 2
    for name, (first, *rest) in entries:
        out(f"{click.style(f'{one_line(name):<{width}}', bold=True)}{first}")
        for line in rest:
            out(f"{'':<{width}}{line}")


def _lines(entry: dict[str, Any]) -> list[str]:
    package = one_line(f"{entry['distribution']} {entry['version']}")
    if entry["error"] is not None:
        return _broken(package, entry["error"])
    languages = tuple(entry["guide"])
    if languages:
        guide = _("{package}, guide in {languages}", package=package, languages=languages)
    else:
        guide = _("{package}, no guide", package=package)
    return [entry["name"], entry["description"], say(guide)]


def _extension_lines(extension: passpost.InstalledExtension) -> list[str]:
    package = one_line(f"{extension.distribution} {extension.version}")
    if extension.error is not None:
        return _broken(package, extension.error)
    hooks = ", ".join(extension.hooks) or say(_("no hooks"))
    return [labelled(package, hooks if extension.active else say(_("left out")))]


def _broken(package: str, error: str) -> list[str]:
    return [f"{click.style(say(_BROKEN), fg='red')} ({package})", one_line(say(error))]
