"""``passpost schema``: lets editors complete and check settings."""

from __future__ import annotations

from typing import Any

import attrs
import click

import passpost
from passpost import config
from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.terminal import complain, out_json


@click.command(cls=Command)
@click.argument("connector", metavar="[ID]", required=False)
def command(connector: str | None) -> None:
    """Print the JSON Schema of settings.

    With ID, it is the schema of this connector's own settings; without ID, the schema of an
    application's settings with all installed connectors. An editor that uses the schema completes
    and checks settings while you write them.
    """
    host = make_host()
    if connector is None:
        out_json(_application(host))
        return
    if connector == "application" and connector not in {one.id for one in host.installed()}:
        raise CommandError(
            "`application` is not a connector", "for an application: passpost schema"
        )
    config_class = host.info(connector).config_class
    if not attrs.has(config_class):
        raise CommandError(f"the connector {connector!r} does not describe its settings")
    out_json(config.json_schema(config_class))


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
            complain("passpost", str(error), "the schema lacks its settings", warning=True)
            continue
        if not attrs.has(config_class):
            # Nothing is known of its settings.
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
