"""Finds the class of settings that a package provides under a name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from passpost._phrases import _, said
from passpost._plugins.discovery import conflict, entry_points
from passpost._plugins.loading import loading
from passpost._plugins.registration import BrokenContract, load
from passpost._problems import Invalid
from passpost._text import quoted
from passpost._wording import did_you_mean, listed, nearest

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def names_of_kinds(group: str, own: Mapping[str, Any] = _NONE) -> tuple[str, ...]:
    """Return the names of all classes of a group, without importing any.

    Args:
        group: The entry point group.
        own: Classes that need no entry point.
    """
    return tuple(dict.fromkeys([*own, *(entry.name for entry in entry_points(group))]))


def find_kind(
    group: str,
    name: str,
    *,
    own: Mapping[str, Any] = _NONE,
    first_party: Mapping[str, str] = _NONE,
) -> Any:
    """Return the class of settings of a name; imports that of this name alone.

    Args:
        group: The entry point group.
        name: The name, as settings have it.
        own: Classes that need no entry point.
        first_party: How to install the packages of this project, by name.

    Raises:
        Invalid: No package provides it, several do, or it is broken.
    """
    if name in own:
        return own[name]
    known = entry_points(group)
    found = [entry for entry in known if entry.name == name]
    if not found:
        raise _unknown(name, names_of_kinds(group, own), first_party)
    if clash := conflict(found):
        raise Invalid(clash)
    chosen = next((entry for entry in found if entry.error is None), found[0])
    try:
        with loading():
            return load(chosen)
    except BrokenContract as error:
        wrong = _("{distribution}: {error}", distribution=chosen.distribution, error=said(error))
    raise Invalid(wrong)


def _unknown(name: str, known: tuple[str, ...], first_party: Mapping[str, str]) -> Invalid:
    remedy = first_party.get(name) or did_you_mean(
        nearest(name, [*known, *first_party]), _("use one of {known}", known=listed(known))
    )
    return Invalid(_("no installed package provides {name}", name=quoted(name)), remedy)
