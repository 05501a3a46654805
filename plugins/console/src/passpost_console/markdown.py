"""Guides as HTML: what a package wrote as Markdown can neither run anything nor load anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_EXTERNAL: Final = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_NOT_IN_ID: Final = re.compile(r"[^\w\- ]")
_DEEPEST: Final = 6
# Guides mark in this way which of their parts are generated.
_COMMENT: Final = re.compile(r"^<!--.*?-->$\n?", re.MULTILINE | re.DOTALL)


class _Guide(RendererHTML):
    """Renders no HTML of its own source, no pictures, and links to other sites only."""

    def heading_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        name = _NOT_IN_ID.sub("", tokens[index + 1].content.lower()).replace(" ", "-")
        return f'<{_lower(tokens[index].tag)} id="{name}">'

    def heading_close(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        return f"</{_lower(tokens[index].tag)}>\n"

    def image(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        return str(Markup("<span>{}</span>").format(tokens[index].content))

    def link_open(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        address = str(tokens[index].attrGet("href") or "")
        if address.startswith("#"):
            return str(Markup('<a href="{}">').format(address))
        if _EXTERNAL.match(address):
            link = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">')
            return str(link.format(address))
        # A file beside the guide, which is not here.
        return "<a>"

    def table_open(self, *_: Any) -> str:
        return '<div class="scroll" tabindex="0"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        return str(
            Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[index].content)
        )


def _lower(tag: str) -> str:
    """Return a heading one level further down: the page has a heading of its own."""
    return f"h{min(int(tag[1:]) + 1, _DEEPEST)}"


@lru_cache(64)
def rendered(text: str) -> Markup:
    """Return Markdown as HTML that is safe to show."""
    made = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Guide).enable("table")
    return Markup(made.render(_COMMENT.sub("", text)))  # noqa: S704 - it escapes the text, and has no HTML of its own
