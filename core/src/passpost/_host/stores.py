"""Finds the stores that an application's settings name, and opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs

from passpost._config.secrecy import cleared
from passpost._config.settings import Settings
from passpost._config.structure import structured
from passpost._phrases import _, said
from passpost._plugins.defects import describe_defect
from passpost._plugins.discovery import conflict, entry_points
from passpost._plugins.loading import loading
from passpost._plugins.registration import BrokenContract, load
from passpost._problems import Problem
from passpost._settings.stores import MEMORY, MemorySettings, SqliteSettings, StoresEntry
from passpost._stores import Stores
from passpost._text import visible
from passpost._wording import did_you_mean, listed, nearest
from passpost.hookspecs import STORES_GROUP

_OWN: Final[dict[str, Any]] = {MEMORY: MemorySettings, "sqlite": SqliteSettings}
_FIRST_PARTY: Final = {"redis": _("install it with `pip install 'passpost[redis]'`")}


@attrs.frozen
class Opened:
    """What came of the stores of an application's settings.

    Attributes:
        stores: The stores; None where something is wrong with them.
        problems: What is wrong, or probably is.
    """

    stores: Stores | None = None
    problems: tuple[Problem, ...] = ()


class UnusableStoresError(Exception):
    """No stores of a name can be used; the text says why."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def open_stores(entry: StoresEntry, settings: Settings) -> Opened:
    """Open the stores that an entry names; they connect to nothing before they are used.

    Args:
        entry: The ``stores`` of an application's settings.
        settings: The stores' own settings, which know their place.

    Raises:
        UnusableStoresError: There are none of this name, or they are broken.
    """
    cls = find_stores(entry.use)
    try:
        reading = structured(cls, settings)
        # Nothing is sent without the stores, so a draft of them serves nobody.
        unfilled = reading.placeholders
        if reading.failed or unfilled:
            problems = (*(each for each in reading.problems if each.severity == "error"), *unfilled)
            return Opened(problems=cleared(problems, cls, settings))
        folder = Path(settings.file).parent if settings.file else Path()
        stores = reading.config.open_stores(folder)
    except Exception as error:  # noqa: BLE001 - any package's any mistake
        wrong = describe_defect(error)
    else:
        if isinstance(stores, Stores):
            return Opened(_completed(stores, entry), reading.warnings)
        wrong = _("open_stores returned something else than passpost.stores.Stores")
    raise UnusableStoresError(
        _("the stores {use} are broken: {wrong}", use=repr(visible(entry.use)), wrong=wrong)
    )


def _completed(stores: Stores, entry: StoresEntry) -> Stores:
    secret = None if entry.secret is None else entry.secret.reveal().encode()
    return attrs.evolve(stores, secret=secret, on_failure=entry.on_failure)


def names_of_stores() -> tuple[str, ...]:
    """Return the names of all stores that can be used, without importing any."""
    return tuple(dict.fromkeys([*_OWN, *(entry.name for entry in entry_points(STORES_GROUP))]))


def find_stores(name: str) -> Any:
    """Return the class of the settings of stores; imports those of this name alone.

    Raises:
        UnusableStoresError: There are none of this name, or they are broken.
    """
    if name in _OWN:
        return _OWN[name]
    known = entry_points(STORES_GROUP)
    found = [entry for entry in known if entry.name == name]
    if not found:
        raise _unknown(name, {*_OWN, *(entry.name for entry in known)})
    if clash := conflict(found):
        raise UnusableStoresError(clash)
    chosen = next((entry for entry in found if entry.error is None), found[0])
    try:
        with loading():
            return load(chosen)
    except BrokenContract as error:
        wrong = _("{distribution}: {error}", distribution=chosen.distribution, error=said(error))
    raise UnusableStoresError(wrong)


def _unknown(name: str, known: set[str]) -> UnusableStoresError:
    remedy = _FIRST_PARTY.get(name) or did_you_mean(
        nearest(name, [*known, *_FIRST_PARTY]), _("use one of {known}", known=listed(known))
    )
    return UnusableStoresError(
        _("no installed package provides the stores {name}", name=repr(visible(name))), remedy
    )
