"""Templates compiled for rendering: nothing of the text is read again when a mail is made.

chevron's own renderer is never used: it reads attributes, opens files for partials and leaves ``'``
unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from passpost._templates.places import ABSENT, Missing, Place
from passpost._templates.syntax import Node, Section, Variable
from passpost.errors import MessageError

MAX_STEPS: Final = 100_000
"""Texts, variables and rounds of sections in one rendered text: some 50 ms."""

_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")


class Program:
    """A template's text, ready to be filled in any number of times.

    Args:
        nodes: The text as `passpost._templates.syntax.parse` gives it.
    """

    __slots__ = ("_nodes", "_pieces", "_slots")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = nodes
        # Most templates are text with a few variables: a list is copied, and its slots are filled.
        self._pieces = [node if isinstance(node, str) else "" for node in nodes]
        self._slots = None if _has_scopes(nodes) else tuple(_slots(nodes))

    @property
    def constant(self) -> bool:
        """Whether the text has neither variables nor sections."""
        return self._slots == ()

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> str:
        """Fill in a payload.

        Raises:
            MissingVariable: A variable has no value, and `missing` is ``error``.
            MessageError: A value may not stand in this place.
        """
        if self._slots is None:
            return _Rendering(place, missing).of(self._nodes, payload)
        pieces = self._pieces.copy()
        size = 0
        for index, variable in self._slots:
            value = payload.get(variable.root, ABSENT)
            if variable.rest:
                value = _descended(value, variable.rest)
            # A code of digits or letters is the common value, and may stand anywhere as it is.
            if type(value) is not str or not value.isascii() or not value.isalnum():
                value = place.put(variable, value, missing)
            pieces[index] = value
            size += len(value)
            if size > place.limit:
                raise _too_long(place)
        text = "".join(pieces)
        if len(text) > place.limit:
            raise _too_long(place)
        return text


def variables_in(nodes: tuple[Node, ...]) -> Iterator[Variable]:
    """Give the variables of a text in order, those within sections included."""
    for node in nodes:
        if isinstance(node, Variable):
            yield node
        elif isinstance(node, Section):
            yield from variables_in(node.nodes)


def _has_scopes(nodes: tuple[Node, ...]) -> bool:
    return any(
        isinstance(node, Section) or (isinstance(node, Variable) and node.root == ".")
        for node in nodes
    )


def _slots(nodes: tuple[Node, ...]) -> Iterator[tuple[int, Variable]]:
    for index, node in enumerate(nodes):
        if isinstance(node, Variable):
            yield index, node


class _Rendering:
    """One text being filled in, with sections that may repeat what is within them."""

    def __init__(self, place: Place, missing: Missing) -> None:
        self._place = place
        self._missing = missing
        self._pieces: list[str] = []
        self._size = 0
        self._steps = 0

    def of(self, nodes: tuple[Node, ...], payload: Mapping[str, Any]) -> str:
        self._render(nodes, [payload])
        return "".join(self._pieces)

    def _render(self, nodes: tuple[Node, ...], scopes: list[Any]) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, Section):
                for inner in _inner_scopes(node, scopes):
                    self._step()
                    self._render(node.nodes, inner)
            else:
                self._add(node if isinstance(node, str) else self._shown(node, scopes))

    def _shown(self, variable: Variable, scopes: list[Any]) -> str:
        return self._place.put(variable, _found(variable, scopes), self._missing)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        if self._size > self._place.limit:
            raise _too_long(self._place)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise MessageError(
                f"the sections of the {self._place.name} would be repeated too often with this "
                f"payload: rendering takes more than {MAX_STEPS} steps",
                field=self._place.name,
            )


def _too_long(place: Place) -> MessageError:
    return MessageError(
        f"the {place.name} would have more than {place.limit} characters with this payload",
        field=place.name,
    )


def _inner_scopes(section: Section, scopes: list[Any]) -> Iterator[list[Any]]:
    """Give the scopes that a section is shown in: none, one, or one for each item of a list."""
    value = _found(section.test, scopes)
    # Text and numbers that are empty or 0 count as false, as chevron has it.
    shown = value is not ABSENT and bool(value)
    if section.inverted:
        if not shown:
            yield scopes
    elif shown:
        items = value if isinstance(value, list | tuple) else (value,)
        for item in items:
            yield [*scopes, item]


def _found(variable: Variable, scopes: list[Any]) -> Any:
    if variable.root == ".":
        return scopes[-1]
    # The innermost scope that knows the root decides, even if it lacks the rest (Mustache's
    # specification, "Dotted Names - Context Precedence").
    for scope in reversed(scopes):
        value = _child(scope, variable.root)
        if value is not ABSENT:
            return _descended(value, variable.rest)
    return ABSENT


def _descended(value: Any, rest: tuple[str, ...]) -> Any:
    """Follow a path from its root's value; None where the root is there and the rest is not."""
    if value is ABSENT:
        return value
    for step in rest:
        value = _child(value, step)
        if value is ABSENT:
            return None
    return value


def _child(value: Any, key: str) -> Any:
    """Look into an object by key or into a list by index: never at attributes."""
    if isinstance(value, Mapping):
        return value.get(key, ABSENT)
    if isinstance(value, list | tuple) and _is_index(key) and int(key) < len(value):
        return value[int(key)]
    return ABSENT


def _is_index(key: str) -> bool:
    return _INDEX.fullmatch(key) is not None
