"""``passpost schema``: lets editors complete and check settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import click

import passpost
from passpost import config
from passpost._host.sections import SECTIONS
from passpost._host.stores import find_stores, names_of_stores
from passpost._text import quoted
from passpost.hookspecs import SECTION_GROUP
from passpost.phrases import said
from passpost_cli import completing
from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.language import _, language
from passpost_cli.terminal import complain, out_json
from passpost_tools.schemas import application_schema


@click.command(cls=Command)
@click.argument("connector", metavar="[ID]", required=False, shell_complete=completing.connectors)
def command(connector: str | None) -> None:
    """Print the JSON Schema of settings.

    With ID, it is the schema of this connector's own settings; without ID, the schema of an
    application's settings with all installed connectors. An editor that uses the schema completes,
    explains and checks settings while you write them.

    Write it to a file, and name the file in the settings: "$schema": "./passpost.schema.json"
    """
    host = make_host()
    spoken = language()
    if connector is None:
        out_json(whole(host, spoken))
        return
    if connector == "application" and connector not in {one.id for one in host.installed()}:
        raise CommandError(
            _("`application` is not a connector"), _("for an application: passpost schema")
        )
    config_class = host.info(connector).config_class
    if not attrs.has(config_class):
        raise CommandError(
            _(
                "the connector {connector} does not describe its settings",
                connector=quoted(connector),
            )
        )
    out_json(config.json_schema(config_class, spoken))


def whole(host: passpost.Host, language: str) -> dict[str, Any]:
    """Return the schema of an application's settings with all installed connectors."""
    known = dict(_config_classes(host))
    described = {one: cls for one, cls in known.items() if attrs.has(cls)}
    others = [one for one in known if one not in described]
    return application_schema(
        described,
        dict(_stores_classes()),
        sections=dict(_section_classes()),
        others=others,
        language=language,
    )


def _config_classes(host: passpost.Host) -> Iterator[tuple[str, type[Any]]]:
    """Yield the ID and the class of each installed connector that can be used."""
    for installed in host.installed():
        try:
            yield installed.id, host.info(installed.id).config_class
        except passpost.PluginError as error:
            complain("passpost", said(error), _("the schema lacks it"), warning=True)


def _stores_classes() -> Iterator[tuple[str, type[Any]]]:
    for name in names_of_stores():
        try:
            yield name, find_stores(name)
        except config.Invalid as error:
            complain("passpost", said(error), _("the schema lacks them"), warning=True)


def _section_classes() -> Iterator[tuple[str, type[Any]]]:
    for key in config.names_of_kinds(SECTION_GROUP):
        # Others are not sections of a settings file yet.
        if key not in SECTIONS:
            continue
        try:
            yield key, config.find_kind(SECTION_GROUP, key)
        except config.Invalid as error:
            complain("passpost", said(error), _("the schema lacks it"), warning=True)
