"""What email programs drop or do not show of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import attrs

_GONE: Final = frozenset((
    "applet", "audio", "base", "button", "canvas", "dialog", "embed", "fieldset", "form", "frame",
    "frameset", "iframe", "input", "math", "noscript", "object", "option", "script", "select",
    "svg", "template", "textarea", "video",
))  # fmt: skip
"""Elements that large email programs remove, for safety or because they cannot show them."""

_LINKS: Final = ("href", "src", "background", "action")
_HANDLER: Final = re.compile(r"on[a-z]+")
_IMPORT: Final = re.compile(r"@import\b", re.IGNORECASE)
_PLAIN_HTTP: Final = re.compile(r"\bhttp://[^\s<>\"']+", re.IGNORECASE)


@attrs.frozen
class Found:
    """Something in the markup.

    Attributes:
        kind: ``element``, ``attribute``, ``stylesheet``, ``refresh``, ``script-link`` or ``http``.
        name: The element or attribute.
        offset: Where it is in the text.
    """

    kind: str
    name: str
    offset: int


def dropped_in(html: str) -> tuple[Found, ...]:
    """Return what is wrong with markup, each kind and name once."""
    reader = _Reader(html)
    # No tag ends behind the last `>`, and the parser would try at each `<` there.
    end = html.rfind(">") + 1
    reader.feed(html[:end])
    reader.close()
    reader.handle_data(html[end:])
    first: dict[tuple[str, str], Found] = {}
    for found in reader.found:
        first.setdefault((found.kind, found.name), found)
    return tuple(first.values())


def plain_links_in(text: str) -> Iterator[int]:
    """Return where links begin in a plain text that are not encrypted."""
    return (match.start() for match in _PLAIN_HTTP.finditer(text))


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[Found] = []
        self._starts = [0, *(match.end() for match in re.finditer("\n", html))]
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        self._style = tag == "style"
        if tag in _GONE:
            self._note("element", tag)
        elif tag == "link" and "stylesheet" in values.get("rel", "").lower():
            self._note("stylesheet", "link")
        elif tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self._note("refresh", "meta")
        for name, value in values.items():
            if _HANDLER.fullmatch(name):
                self._note("attribute", name)
            elif name in _LINKS and value.lower().startswith(("javascript:", "vbscript:")):
                self._note("script-link", name)
            elif name in _LINKS and value.lower().startswith("http:"):
                self._note("http", name, value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._style = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        if self._style:
            found = (Found("stylesheet", "@import", m.start()) for m in _IMPORT.finditer(data))
        else:
            # Many programs make links of them.
            found = (Found("http", "text", start) for start in plain_links_in(data))
        offset = self._offset()
        self.found += [attrs.evolve(each, offset=offset + each.offset) for each in found]

    def _note(self, kind: str, name: str, within: str = "") -> None:
        offset = self._offset()
        inside = (self.get_starttag_text() or "").find(within) if within else 0
        self.found.append(Found(kind, name, offset + max(inside, 0)))

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column
