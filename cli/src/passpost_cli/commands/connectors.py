"""``passpost connectors``: the installed connectors and extensions, broken ones included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs
import click

import passpost
from passpost._connector_info import in_language
from passpost._plugins.defects import describe_defect
from passpost_cli import options
from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.terminal import one_line, out, out_json

_EPILOG: Final = """\b
The JSON document:
  {"ok": true, "connectors": [{"id", "name", "description", "distribution",
   "version", "module", "guide": [LANGUAGE, …], "capabilities": […],
   "presets": […], "error": null, or why it is broken}, …],
   "extensions": [{"name", "distribution", "version", "module",
   "active": false with --no-extensions, "hooks": [NAME, …],
   "error": null, or why it is broken}, …]}
"""


@click.command(cls=Command, epilog=_EPILOG)
@options.as_json
def command(as_json: bool) -> None:
    """List the installed connectors and extensions.

    Each is loaded to check that it works; a broken one is listed with its error.
    """
    host = make_host()
    connectors = [_described(host, installed) for installed in host.installed()]
    extensions = host.installed_extensions()
    if as_json:
        listed = [attrs.asdict(extension) for extension in extensions]
        out_json({"ok": True, "connectors": connectors, "extensions": listed})
        return
    if connectors:
        _show((entry["id"], _lines(entry)) for entry in connectors)
    else:
        out("no connectors are installed; for example: pip install passpost-smtp")
    if extensions:
        out("\nExtensions:")
        _show((one.name, _extension_lines(one)) for one in extensions)


def _described(host: passpost.Host, installed: passpost.InstalledConnector) -> dict[str, Any]:
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
        entry.update(_loaded(host, installed))
    return entry


def _loaded(host: passpost.Host, installed: passpost.InstalledConnector) -> dict[str, Any]:
    # A connector is only known to work once it is loaded.
    try:
        return _facts(host.info(installed.id))
    except passpost.PluginError as error:
        return {"error": str(error)}
    # One connector's defect must not hide the others.
    except BaseException as error:  # noqa: BLE001
        who = f"the connector {installed.id!r} of {installed.distribution}"
        return {"error": f"{who} fails to describe itself: {describe_defect(error)}"}


def _facts(info: passpost.ConnectorInfo) -> dict[str, Any]:
    return {
        "name": one_line(in_language(info.name, "en")),
        "description": one_line(in_language(info.description, "en")),
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
    languages = ", ".join(entry["guide"])
    guide = f", guide in {languages}" if languages else ", no guide"
    return [entry["name"], entry["description"], f"{package}{guide}"]


def _extension_lines(extension: passpost.InstalledExtension) -> list[str]:
    package = one_line(f"{extension.distribution} {extension.version}")
    if extension.error is not None:
        return _broken(package, extension.error)
    hooks = ", ".join(extension.hooks) or "no hooks"
    return [f"{package}: {hooks if extension.active else 'left out'}"]


def _broken(package: str, error: str) -> list[str]:
    return [f"{click.style('broken', fg='red')} ({package})", one_line(error)]
