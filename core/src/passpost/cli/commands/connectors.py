"""``passpost connectors``: what is installed, and what of it is broken."""

from __future__ import annotations

from typing import Any, Final

import click

import passpost
from passpost.cli import options
from passpost.cli.command import Command
from passpost.cli.terminal import one_line, out, out_json
from passpost.connector import in_language

_EPILOG: Final = """\b
The JSON document:
  {"ok": true, "connectors": [{"id", "name", "description", "distribution",
   "version", "module", "guide": [LANGUAGE, …], "capabilities": […],
   "presets": […], "error": null, or why it cannot be used}, …]}
"""


@click.command(cls=Command, epilog=_EPILOG)
@options.as_json
def command(as_json: bool) -> None:
    """List the connectors that are installed.

    Each is loaded to see whether it works; a broken one is listed with what is wrong.
    """
    host = passpost.Host()
    entries = [_described(host, installed) for installed in host.installed()]
    if as_json:
        out_json({"ok": True, "connectors": entries})
    elif not entries:
        out("no connectors are installed: pip install passpost-smtp, for example")
    else:
        _show(entries)


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
        entry.update(_loaded(host, installed.id))
    return entry


def _loaded(host: passpost.Host, connector: str) -> dict[str, Any]:
    # Only loading a connector shows whether it works.
    try:
        info = host.info(connector)
    except passpost.PluginError as error:
        return {"error": str(error)}
    return {
        "name": in_language(info.name, "en"),
        "description": in_language(info.description, "en"),
        "guide": sorted(info.guide),
        "capabilities": sorted(info.capabilities),
        "presets": [preset.id for preset in info.presets],
    }


def _show(entries: list[dict[str, Any]]) -> None:
    width = max(len(entry["id"]) for entry in entries) + 2
    for entry in entries:
        first, *rest = _lines(entry)
        identifier = click.style(f"{one_line(entry['id']):<{width}}", bold=True)
        out(f"{identifier}{first}")
        for line in rest:
            out(f"{'':<{width}}{line}")


def _lines(entry: dict[str, Any]) -> list[str]:
    package = one_line(f"{entry['distribution']} {entry['version']}")
    if entry["error"] is not None:
        return [f"{click.style('broken', fg='red')} ({package})", one_line(entry["error"])]
    languages = ", ".join(entry["guide"])
    guide = f", guide in {languages}" if languages else ", no guide"
    return [one_line(entry["name"]), one_line(entry["description"]), f"{package}{guide}"]
