"""HTML emails as plain text, for people rather than for programs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_PARAGRAPHS: Final = frozenset(
    ("blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul")
)
_LINES: Final = frozenset(
    ("article", "br", "center", "dd", "div", "dt", "footer", "header", "hr", "li", "section", "tr")
)
_UNSEEN: Final = frozenset(("head", "script", "style", "title"))


def readable(html: str) -> str:
    """Return the text of an HTML email; the address of a link follows in brackets."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\xa0]+", " ", line).strip() for line in reader.text.split("\n"))
    # Nested blocks each ask for an empty line; one is enough.
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._unseen = 0
        self._links: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links and (link := self._links.pop()):
            self._pieces.append(f" [{link}]")
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            # Line ends in the source are spaces on the page.
            self._pieces.append(data.replace("\n", " "))

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in _LINES:
            self._pieces.append("\n")
