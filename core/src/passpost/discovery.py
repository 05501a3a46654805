"""Finds what is installed by its entry points, without importing any of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from passpost.connector import InstalledConnector
from passpost.errors import PluginError, UnknownConnectorError
from passpost.hookspecs import CONNECTOR_GROUP

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Give the entry points of a group, in order of name and distribution."""
    # importlib.metadata imports the email package, which a program that sends nothing need not pay.
    from importlib import metadata  # noqa: PLC0415

    found = metadata.entry_points(group=group)
    return tuple(sorted(found, key=lambda entry: (entry.name, distribution_of(entry))))


def distribution_of(entry: EntryPoint) -> str:
    """Name the package that an entry point comes from."""
    return entry.dist.name if entry.dist is not None else "an unknown distribution"


def installed_connectors() -> tuple[InstalledConnector, ...]:
    """List all connectors of the environment, those that share an id marked as unusable."""
    entries = entry_points(CONNECTOR_GROUP)
    return tuple(
        InstalledConnector(
            id=entry.name,
            distribution=distribution_of(entry),
            version=entry.dist.version if entry.dist is not None else "",
            module=entry.value,
            error=_claimed_twice(entry.name, entries),
        )
        for entry in entries
    )


def _claimed_twice(connector: str, entries: Iterable[EntryPoint]) -> str | None:
    claims = [distribution_of(entry) for entry in entries if entry.name == connector]
    if len(claims) < 2:  # noqa: PLR2004 - two make a conflict
        return None
    return f"{' and '.join(claims)} both claim the id {connector!r}; uninstall all but one"


def find_connector(connector: str) -> EntryPoint:
    """Give the one entry point of a connector.

    Raises:
        UnknownConnectorError: No installed package provides the id.
        PluginError: Several do.
    """
    entries = entry_points(CONNECTOR_GROUP)
    if conflict := _claimed_twice(connector, entries):
        raise PluginError(conflict, connector=connector)
    for entry in entries:
        if entry.name == connector:
            return entry
    raise unknown_connector(connector, [entry.name for entry in entries])


def unknown_connector(connector: str, known: Iterable[str]) -> UnknownConnectorError:
    """Make the error for an id that nobody provides: it says what to install and what is there."""
    names = ", ".join(sorted(set(known))) or "none"
    # The id comes from a settings file; only what could be a package's name goes into a command.
    how = f"`pip install passpost-{connector}`" if _is_name(connector) else "another id"
    return UnknownConnectorError(
        f"no installed package provides the connector {connector!r}: try {how} "
        f"(installed connectors: {names})",
        connector=connector,
    )


def _is_name(text: str) -> bool:
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()
