"""Templates being filled in: the parts of an email, and what a value must be to appear in each.

A text is compiled when it is read, so that nothing of it is read again for an email. chevron's own
renderer is not used: docs/en/how-to/templates.md says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import attrs

from passpost._phrases import _
from passpost._templates.syntax import Node, Section, Variable
from passpost._text import refused_in_short_value, refused_in_value
from passpost.errors import MessageError, MissingVariable

Missing = Literal["error", "keep", "blank"]
"""How a variable that the payload lacks is handled: reject the email, keep it as written, blank."""

MAX_LINE: Final = 998
"""Characters in a rendered subject or name; RFC 5322 section 2.1.1 allows lines of as many."""

MAX_BODY: Final = 8 * 1024 * 1024
"""Characters in a rendered body; few providers accept emails of such a size."""

MAX_STEPS: Final = 100_000
"""Texts, variables and rounds of sections in one rendered text: some 50 ms."""

# Programs that show an email ignore blanks in front of and in a scheme.
_BLANKS: Final = re.compile(r"[\x00-\x20]+")
_CODE: Final = re.compile(r"(?:javascript|vbscript):|data:(?!image/(?!svg))")
_SCHEME: Final = 200
_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}")

# Stands for a variable whose root is not in the payload: None may be a value there.
_ABSENT: Final = object()


@attrs.frozen
class Place:
    """A part of an email.

    Attributes:
        name: Its key in the settings: ``subject``.
        line: Whether it is a single line.
        html: Whether values are escaped for HTML.
        limit: How many characters it may have.
    """

    name: str
    line: bool = True
    html: bool = False
    limit: int = MAX_LINE

    def put(self, variable: Variable, value: Any, missing: Missing) -> str:
        """Return a variable's text for this place.

        Raises:
            MissingVariable: There is no value, and `missing` is ``error``.
            MessageError: The value is not text or a number, or not allowed here.
        """
        if value is None or value is _ABSENT:
            if missing == "error":
                raise MissingVariable(variable.name, self.name)
            # The reference leaves a placeholder only where not even the root of its path is known.
            return variable.source if missing == "keep" and value is _ABSENT else ""
        text = self._checked(variable, self._text(variable, value))
        return escaped(text) if self.html and not variable.raw else text

    def _text(self, variable: Variable, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return repr(value)
        kind = (
            _("an object")
            if isinstance(value, Mapping)
            else _("of type {kind}", kind=type(value).__name__)
        )
        kind = _("a list") if isinstance(value, list | tuple) else kind
        raise MessageError(
            _(
                "`{{{{{name}}}}}` in the {place} is {kind}, not text: name a value in it",
                name=variable.name,
                place=self.name,
                kind=kind,
            ),
            field=f"payload.{variable.name}",
        )

    def _checked(self, variable: Variable, text: str) -> str:
        if self.line:
            refused = refused_in_short_value(text)
        else:
            text = unified(text)
            # A line break in the middle of a sentence begins one that the template does not have.
            refused = refused_in_value(text, breaks=self.html or variable.around.alone)
        if refused:
            raise MessageError(
                _(
                    "`{{{{{name}}}}}`: {what} is not allowed in the {place}",
                    name=variable.name,
                    what=refused,
                    place=self.name,
                ),
                field=self.name,
            )
        begins_link = self.html and variable.around.context == "link"
        if begins_link and _CODE.match(_BLANKS.sub("", text[:_SCHEME]).lower()):
            raise MessageError(
                _(
                    "`{{{{{name}}}}}`: its value begins a link with a scheme that runs code",
                    name=variable.name,
                ),
                field=self.name,
            )
        return text

    def too_long(self) -> MessageError:
        """Return the error for more characters than the place may have."""
        return MessageError(
            _(
                "the {name} has more than {limit:,} characters with this payload",
                name=self.name,
                limit=self.limit,
            ),
            field=self.name,
        )


SUBJECT: Final = Place("subject")
CONTENT_TEXT: Final = Place("content", line=False, limit=MAX_BODY)
CONTENT_HTML: Final = Place("content", line=False, html=True, limit=MAX_BODY)
TEXT: Final = Place("text", line=False, limit=MAX_BODY)
REPLY_TO: Final = Place("replyTo")
SEND_FROM: Final = Place("sendFrom")


def unified(text: str) -> str:
    r"""Return a text with ``\n`` as its only line end; the wire decides which one is sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def escaped(text: str) -> str:
    """Escape a text for HTML: ``& < > " '``, so that it may appear in quoted attributes too."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


class Program:
    """A template's text, ready to be filled in any number of times.

    Args:
        nodes: The text as `passpost._templates.syntax.parse` returns it.

    Attributes:
        constant: Whether the text has neither variables nor sections.
    """

    __slots__ = ("_nodes", "_pieces", "_slots", "constant")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = nodes
        self.constant = all(isinstance(node, str) for node in nodes)
        # Most templates are text with a few variables: a list is copied, and its slots are filled.
        self._pieces = [node if isinstance(node, str) else "" for node in nodes]
        slots = [(index, node) for index, node in enumerate(nodes) if not isinstance(node, str)]
        flat = [(i, node) for i, node in slots if isinstance(node, Variable) and node.root != "."]
        self._slots = flat if len(flat) == len(slots) else None

    def render(self, payload: Mapping[str, Any], place: Place, missing: Missing) -> str:
        """Fill in a payload.

        Raises:
            MissingVariable: A variable has no value, and `missing` is ``error``.
            MessageError: A value is not allowed in this place.
        """
        if self._slots is None:
            return _Rendering(place, missing).of(self._nodes, payload)
        pieces = self._pieces.copy()
        size = 0
        for index, variable in self._slots:
            value = payload.get(variable.root, _ABSENT)
            if variable.rest:
                value = _descended(value, variable.rest)
            # A code of digits or letters is the common value, and is allowed anywhere as it is.
            if type(value) is not str or not value.isascii() or not value.isalnum():
                value = place.put(variable, value, missing)
            pieces[index] = value
            size += len(value)
            if size > place.limit:
                raise place.too_long()
        text = "".join(pieces)
        if len(text) > place.limit:
            raise place.too_long()
        return text


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
                continue
            if isinstance(node, Variable):
                self._add(self._place.put(node, _found(node, scopes), self._missing))
            else:
                self._add(node)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text)
        if self._size > self._place.limit:
            raise self._place.too_long()

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise MessageError(
                _(
                    "the sections of the {name} repeat too often with this payload: "
                    "rendering takes more than {max_steps:,} steps",
                    name=self._place.name,
                    max_steps=MAX_STEPS,
                ),
                field=self._place.name,
            )


def _inner_scopes(section: Section, scopes: list[Any]) -> Iterator[list[Any]]:
    """Yield the scopes that a section is shown in: none, one, or one for each item of a list."""
    value = _found(section.test, scopes)
    # Text and numbers that are empty or 0 count as false, as chevron has it.
    shown = value is not _ABSENT and bool(value)
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
        if value is not _ABSENT:
            return _descended(value, variable.rest)
    return _ABSENT


def _descended(value: Any, rest: tuple[str, ...]) -> Any:
    """Follow a path from its root's value; None where the root is there and the rest is not."""
    if value is _ABSENT:
        return value
    for step in rest:
        value = _child(value, step)
        if value is _ABSENT:
            return None
    return value


def _child(value: Any, key: str) -> Any:
    """Look into an object by key or into a list by index: never at attributes."""
    if isinstance(value, Mapping):
        return value.get(key, _ABSENT)
    if isinstance(value, list | tuple) and _INDEX.fullmatch(key) and int(key) < len(value):
        return value[int(key)]
    return _ABSENT
