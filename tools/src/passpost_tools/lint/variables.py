"""Which variables an application supplies for which usage."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from passpost._messages.usages import KNOWN_USAGES
from passpost._templates.syntax import Node, Section, Variable
from passpost._wording import nearest

INVITATION: Final = "OrganizationInvitation"

_COMMON: Final = (
    "link", "expiresInMinutes", "application", "organization", "user", "locale", "uiLocales",
)  # fmt: skip
_EVERYWHERE: Final = ("code", *_COMMON)
_OF_INVITATIONS: Final = (*_COMMON, "inviter")

_PARTS: Final = {
    "application": ("id", "name", "displayName"),
    "organization": ("id", "name", "displayName"),
    "user": ("id", "name", "username", "primaryEmail", "primaryPhone"),
    "inviter": ("id", "name", "username", "primaryEmail", "primaryPhone"),
}
"""What misspelled parts of an object are compared with; others are the application's own."""

PURPOSES: Final = frozenset(("code", "link"))
"""The variables without one of which an email of a flow serves nothing."""


def given(usage: str) -> tuple[str, ...] | None:
    """Return the variables that a usage gives; None if the usage is the application's own."""
    if usage not in KNOWN_USAGES:
        return None
    return _OF_INVITATIONS if usage == INVITATION else _EVERYWHERE


def unknown_in(
    nodes: tuple[Node, ...], usage: str, declared: Collection[str]
) -> Iterator[tuple[Variable, str | None]]:
    """Return the variables that a usage does not give, each with the one that was probably meant.

    Args:
        nodes: The template.
        usage: What it is for.
        declared: The variables that the application has besides.
    """
    known = given(usage)
    if known is None:
        return
    for variable in _variables(nodes):
        if _is_declared(variable.name, declared):
            continue
        if variable.root not in known:
            roots = [*known, *(name.partition(".")[0] for name in declared)]
            meant = nearest(variable.root, roots)
            rest = "".join(f".{part}" for part in variable.rest)
            yield variable, f"{meant}{rest}" if meant else None
        elif variable.rest and (parts := _PARTS.get(variable.root)):
            meant = nearest(variable.rest[0], parts)
            if meant and meant != variable.rest[0]:
                rest = "".join(f".{part}" for part in variable.rest[1:])
                yield variable, f"{variable.root}.{meant}{rest}"


def roots_of(nodes: tuple[Node, ...]) -> set[str]:
    """Return the first parts of all variables that a text has."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Variable):
            found.add(node.root)
        elif isinstance(node, Section):
            found |= roots_of(node.nodes)
    return found


def _is_declared(name: str, declared: Collection[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in declared)


def _variables(
    nodes: tuple[Node, ...], optional: frozenset[str] = frozenset()
) -> Iterator[Variable]:
    """Return what a text asks for, without known variables that it uses only if they are there."""
    for node in nodes:
        if isinstance(node, Variable):
            if node.name != "." and node.root not in optional:
                yield node
        elif isinstance(node, Section):
            root = node.test.root
            if root not in _EVERYWHERE:
                yield node.test
            # Within a list or an object, names are those of its items.
            if node.inverted or node.test.rest or (root in _EVERYWHERE and root not in _PARTS):
                yield from _variables(node.nodes, optional | {root})
