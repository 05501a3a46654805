"""Finds the stores that an application's settings name, and opens them."""

from __future__ import annotations

from typing import Any, Final

import attrs

from passpost._config.secrecy import cleared
from passpost._config.settings import Settings
from passpost._config.structure import structured
from passpost._host.files import folder_of
from passpost._phrases import _
from passpost._plugins.defects import describe_defect
from passpost._plugins.kinds import find_kind, names_of_kinds
from passpost._problems import Invalid, Problem
from passpost._settings.stores import MEMORY, MemorySettings, SqliteSettings, StoresEntry
from passpost._stores import Stores
from passpost._text import quoted
from passpost.hookspecs import STORES_GROUP

_OWN: Final[dict[str, Any]] = {MEMORY: MemorySettings, "sqlite": SqliteSettings}
_FIRST_PARTY: Final = {"redis": _("install it with `pip install 'passpost[redis]'`")}


def open_stores(
    entry: StoresEntry, settings: Settings
) -> tuple[Stores | None, tuple[Problem, ...]]:
    """Open the stores that an entry names; they connect to nothing before they are used.

    Args:
        entry: The ``stores`` of an application's settings.
        settings: The stores' own settings, which know their place.

    Returns:
        The stores, or None where something is wrong with them; and what is wrong, or probably is.

    Raises:
        Invalid: There are none of this name, or they are broken.
    """
    cls = find_stores(entry.use)
    try:
        reading = structured(cls, settings)
        # Nothing is sent without the stores, so a draft of them serves nobody.
        if problems := reading.errors:
            return None, cleared(problems, cls, settings)
        stores = reading.config.open_stores(folder_of(settings))
    except Exception as error:  # noqa: BLE001 - any package's any mistake
        wrong = describe_defect(error)
    else:
        if isinstance(stores, Stores):
            return _complete(stores, entry), reading.warnings
        wrong = _("open_stores returned something else than passpost.stores.Stores")
    raise Invalid(_("the stores {use} are broken: {wrong}", use=quoted(entry.use), wrong=wrong))


def _complete(stores: Stores, entry: StoresEntry) -> Stores:
    secret = None if entry.secret is None else entry.secret.reveal().encode()
    return attrs.evolve(stores, secret=secret, on_failure=entry.on_failure)


def names_of_stores() -> tuple[str, ...]:
    """Return the names of all stores that can be used, without importing any."""
    return names_of_kinds(STORES_GROUP, _OWN)


def find_stores(name: str) -> Any:
    """Return the class of the settings of stores; imports those of this name alone.

    Raises:
        Invalid: There are none of this name, or they are broken.
    """
    return find_kind(STORES_GROUP, name, own=_OWN, first_party=_FIRST_PARTY)
