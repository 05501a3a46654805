"""What surrounds a variable: nothing else on its line, a link, a place without escaping.

Escaping for HTML protects text and attributes in quotes. Anything else is found when the template
is read, so that its operator gets a warning before an email is sent.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import attrs

Context = Literal["text", "link", "unquoted", "tag", "style", "script"]
"""What surrounds a variable where its text is read as HTML; ``link``: it begins the address."""

# Stands for a variable; no text holds it.
_MARK: Final = "\0"
_ALONE: Final = re.compile(rf"^[ \t]*({_MARK})[ \t]*$", re.MULTILINE)
_MARKUP: Final = re.compile(
    rf"""
    <!--.*?(?:-->|\Z)
    | <(?P<name>/?[A-Za-z{_MARK}][^\s/>]*)(?P<inner>(?:[^>"']|"[^"]*"|'[^']*')*)>?
    """,
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(
    r"""(?P<name>[^\s=/>"']+)(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s>"']+)))?"""
)
_RAW: Final = {
    "script": re.compile("</script", re.IGNORECASE),
    "style": re.compile("</style", re.IGNORECASE),
}
_LINKS: Final = frozenset(
    {"action", "background", "cite", "data", "formaction", "href", "poster", "src", "xlink:href"}
)

_Found = tuple[int, int, Context]


@attrs.frozen
class Surroundings:
    """What surrounds one variable.

    Attributes:
        alone: Whether nothing else shows on its line.
        context: What surrounds it if the text is HTML.
    """

    alone: bool = False
    context: Context = "text"


def surroundings(source: str, tags: Iterable[tuple[int, int, bool]]) -> list[Surroundings]:
    """Return what surrounds each variable of a text, in order.

    Args:
        source: The text.
        tags: For each tag its first character, the one after it, and whether it is a variable.
    """
    marked = _marked(source, tags)
    marks = [match.start() for match in re.finditer(_MARK, marked)]
    if not marks:
        return []
    alone = {match.start(1) for match in _ALONE.finditer(marked)}
    contexts: dict[int, Context] = {}
    for start, end, context in _contexts(marked) if "<" in marked else ():
        for mark in marks[bisect_left(marks, start) : bisect_left(marks, end)]:
            contexts[mark] = context
    return [Surroundings(mark in alone, contexts.get(mark, "text")) for mark in marks]


def _marked(source: str, tags: Iterable[tuple[int, int, bool]]) -> str:
    """Return the text with a mark for each variable and nothing for other tags."""
    parts: list[str] = []
    position = 0
    for start, end, is_variable in tags:
        parts += [source[position:start], _MARK if is_variable else ""]
        position = end
    return "".join([*parts, source[position:]])


def _contexts(marked: str) -> Iterator[_Found]:
    position = 0
    while (markup := _MARKUP.search(marked, position)) is not None:
        position = markup.end()
        if (name := markup["name"]) is None:
            continue
        yield *markup.span("name"), "tag"
        for attribute in _ATTRIBUTE.finditer(marked, *markup.span("inner")):
            yield from _attribute_contexts(attribute)
        if (closing := _RAW.get(name.lower())) is not None:
            closed = closing.search(marked, position)
            end = closed.start() if closed else len(marked)
            yield position, end, "style" if name.lower() == "style" else "script"
            position = end


def _attribute_contexts(attribute: re.Match[str]) -> Iterator[_Found]:
    yield *attribute.span("name"), "tag"
    name = attribute["name"].lower()
    kind = attribute.lastgroup or ""
    start, end = attribute.span(kind)
    if kind == "bare":
        yield start, end, "unquoted"
    elif name.startswith("on") or name == "srcdoc":
        yield start, end, "script"
    elif name == "style":
        yield start, end, "style"
    elif name in _LINKS and kind != "name":
        first = start + len(attribute[kind]) - len(attribute[kind].lstrip())
        yield first, first + 1, "link"
