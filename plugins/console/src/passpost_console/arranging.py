"""Changes which connectors there are, and in which order they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from passpost_console.hiding import value_at
from passpost_console.phrases import _
from passpost_tools.editing import reorder, rewrite
from passpost_tools.setup.questions import with_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passpost_console.workspace import Document

UP: Final = "up"
DOWN: Final = "down"
REMOVE: Final = "remove"
CHANGES: Final = (UP, DOWN, REMOVE)

_CONNECTORS: Final = "connectors"
_ROUTES: Final = ("delivery", "routes")
_BY_NAME: Final = (("delivery", "weights"), ("delivery", "rates"))
"""Settings with a value for each connector."""


class NotArranged(Exception):  # noqa: N818 - it says what happened
    """A change cannot be made.

    Attributes:
        reason: Why, as a phrase.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def routes_of(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the connectors of each usage that has a route of its own, as far as they are names."""
    written = value_at(data, _ROUTES)
    return {
        usage: names
        for usage, names in (written if isinstance(written, dict) else {}).items()
        if isinstance(names, list) and names and all(isinstance(one, str) for one in names)
    }


def arranged(document: Document, route: str, name: str, change: str) -> str:
    """Return the text of the settings with a connector moved by one place, or removed.

    Args:
        document: The settings.
        route: The usage of a route; empty for the connectors of all usages.
        name: The connector.
        change: `UP`, `DOWN` or `REMOVE`.

    Raises:
        NotArranged: The change cannot be made.
    """
    names = routes_of(document.data).get(route, []) if route else [*document.connectors]
    if name not in names or change not in CHANGES:
        raise NotArranged(_("There is no such connector."))
    if change == REMOVE:
        return _out_of_route(document, route, name) if route else _without(document, name)
    place = names.index(name)
    other = place + (-1 if change == UP else 1)
    if not 0 <= other < len(names):
        raise NotArranged(_("It is the first or the last one already."))
    order: list[str | int] = [*(range(len(names)) if route else names)]
    order[place], order[other] = order[other], order[place]
    where = (*_ROUTES, route) if route else (_CONNECTORS,)
    return reorder(document.loaded.text, where, order)


def _out_of_route(document: Document, usage: str, name: str) -> str:
    names = [one for one in routes_of(document.data)[usage] if one != name]
    if not names:
        raise NotArranged(_("A route needs at least one connector."))
    return rewrite(document.loaded.text, with_value(document.data, (*_ROUTES, usage), names))


def _without(document: Document, name: str) -> str:
    """Return the text without a connector, and without it in routes, weights and rates."""
    wanted, rest = document.data, _left(document.connectors, name)
    if not rest:
        raise NotArranged(_("The last connector cannot be removed. Add another one first."))
    for usage, names in routes_of(wanted).items():
        if names == [name]:
            reason = _(
                "The route of `{usage}` has no other connector: change it first.", usage=usage
            )
            raise NotArranged(reason)
        if name in names:
            wanted = with_value(wanted, (*_ROUTES, usage), [one for one in names if one != name])
    for place in _BY_NAME:
        values = value_at(wanted, place)
        if isinstance(values, dict) and name in values:
            wanted = with_value(wanted, place, _left(values, name))
    return rewrite(document.loaded.text, with_value(wanted, (_CONNECTORS,), rest))


def _left(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
