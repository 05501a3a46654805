"""Which connectors an email may go through, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

EVERY_USAGE: Final = "*"


@attrs.frozen
class Weighted:
    """A connector with its share of the emails.

    Attributes:
        name: The connector's name.
        weight: Its share, beside the weights of the others; 0 makes it a backup.
    """

    name: str
    weight: int


class Route:
    """The order of connectors for one usage.

    Without weights it is always the same. With weights, the first of it is chosen by smooth
    weighted round robin, as nginx does it: exact, evenly spread, and without chance. The others
    follow in the order written.

    Args:
        entries: The connectors, in the order written.
    """

    def __init__(self, entries: Sequence[Weighted]) -> None:
        self._names = tuple(entry.name for entry in entries)
        self._weights = {entry.name: entry.weight for entry in entries if entry.weight}
        self._total = sum(self._weights.values())
        self._current = dict.fromkeys(self._weights, 0)

    def order(self) -> tuple[str, ...]:
        """Return the connectors in the order of the next email."""
        if len(self._weights) < 2:  # noqa: PLR2004 - one weight leaves no choice
            return self._names
        for name, weight in self._weights.items():
            self._current[name] += weight
        first = max(self._current, key=self._current.__getitem__)
        self._current[first] -= self._total
        return (first, *(name for name in self._names if name != first))


class Routes:
    """The routes of all usages.

    Args:
        routes: The routes by usage; ``*`` serves every usage that has none of its own.
    """

    def __init__(self, routes: Mapping[str, Sequence[Weighted]]) -> None:
        self._routes = {usage: Route(entries) for usage, entries in routes.items()}
        self._default = self._routes[EVERY_USAGE]

    def order(self, usage: str) -> tuple[str, ...]:
        """Return the connectors for the next email of a usage."""
        return self._routes.get(usage, self._default).order()
