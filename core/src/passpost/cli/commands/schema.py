"""``passpost schema``: what editors need to complete and check settings."""

from __future__ import annotations

import click

from passpost import config
from passpost.cli.command import Command
from passpost.cli.hosts import make_host
from passpost.cli.terminal import out_json


@click.command(cls=Command)
@click.argument("connector", metavar="ID")
def command(connector: str) -> None:
    """Print the JSON Schema of a connector's settings.

    Point your editor at it, and it completes and checks the settings while you write them.
    """
    out_json(config.json_schema(make_host().info(connector).config_class))
