"""``passpost schema``: what editors need to complete and check settings."""

from __future__ import annotations

from typing import Any

import attrs
import click

import passpost
from passpost import config
from passpost_cli.command import Command
from passpost_cli.failures import Refusal
from passpost_cli.hosts import make_host
from passpost_cli.terminal import complain, out_json


@click.command(cls=Command)
@click.argument("connector", metavar="[ID]", required=False)
def command(connector: str | None) -> None:
    """Print the JSON Schema of settings.

    With ID it is that of a connector's own settings; without, that of an application's, which knows
    the connectors that are installed. Point your editor at it, and it completes and checks the
    settings while you write them.
    """
    host = make_host()
    if connector is not None:
        config_class = host.info(connector).config_class
        if not attrs.has(config_class):
            raise Refusal("this connector does not describe its settings")
        out_json(config.json_schema(config_class))
    else:
        out_json(_application(host))


def _application(host: passpost.Host) -> dict[str, Any]:
    """Return the schema of an application's settings, with those of the installed connectors."""
    schema = config.json_schema(config.ApplicationSettings)
    entry = schema["properties"]["connectors"]["additionalProperties"]
    entry["allOf"] = []
    schema["$defs"] = dict(schema["$defs"])
    for installed in host.installed():
        try:
            config_class = host.info(installed.id).config_class
        except passpost.PluginError as error:
            complain("passpost", str(error), "its settings are not in the schema", warning=True)
            continue
        if not attrs.has(config_class):
            # It takes any settings, as far as we know.
            continue
        own = config.json_schema(config_class)
        del own["$schema"], own["$defs"]
        schema["$defs"][f"settings of {installed.id}"] = own
        entry["allOf"].append(_settings_of(installed.id))
    return schema


def _settings_of(connector: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"use": {"const": connector}}},
        "then": {"properties": {"settings": {"$ref": f"#/$defs/settings%20of%20{connector}"}}},
    }
