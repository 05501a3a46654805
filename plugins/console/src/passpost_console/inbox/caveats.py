"""What email programs do not show of an email as it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from passpost_console.phrases import _
from passpost_tools.lint.markup import dropped_in
from passpost_tools.lint.rules import says_of

if TYPE_CHECKING:
    from passpost_console.inbox.reading import Reading

_CLIPPED: Final = 102 << 10
_MOST_READ: Final = 128 << 10
"""Characters that are looked at one by one."""

_PICTURE: Final = re.compile(
    r"(?i)<img\b[^<>]*?\bsrc\s*+=\s*+(?:[\"']\s*+)?https?:|url\(\s*+[\"']?https?:"
)

# As https://www.caniemail.com has it; the new Outlook for Windows is like the one on the web.
_BY_PROGRAM: Final = (
    (
        re.compile(r"(?i)(?<![\w-])display\s*+:\s*+(?:inline-)?flex\b"),
        _("`display: flex`: classic Outlook for Windows puts the parts below each other"),
    ),
    (
        re.compile(r"(?i)(?<![\w-])display\s*+:\s*+(?:inline-)?grid\b"),
        _("`display: grid`: Gmail and classic Outlook for Windows put the parts below each other"),
    ),
    (
        re.compile(r"(?i)(?<![\w-])position\s*+:\s*+(?:absolute|fixed|relative|sticky)\b"),
        _("`position`: Gmail and classic Outlook for Windows ignore it"),
    ),
    (
        re.compile(r"(?i)(?<![\w-])background(?:-image)?\s*+:[^;\"'{}]{0,200}\burl\("),
        _("background pictures: classic Outlook for Windows does not show them"),
    ),
    (
        re.compile(r"(?i)\.svg[\"'?#)]"),
        _("SVG pictures: Gmail and classic Outlook for Windows do not show them"),
    ),
    (
        re.compile(r"(?i)\bsrc\s*+=\s*+[\"']?+data:image/"),
        _("pictures in `data:` URLs: Gmail on iOS and older Outlook for Windows do not show them"),
    ),
)
"""What single email programs do otherwise: where it is used, and what becomes of it."""


def caveats(reading: Reading) -> Iterator[str]:
    """Yield what a reader may not see, as phrases."""
    html = reading.html
    if html is None:
        return
    if not reading.text:
        yield _("HTML without plain text: some filters and readers expect both")
    if pictures := len(_PICTURE.findall(html)):
        yield _(
            "pictures from other sites: {n}; many programs ask before they load them", n=pictures
        )
    if len(html.encode()) > _CLIPPED:
        yield _("more than 102 KB of HTML: Gmail cuts the end off")
    beginning = html[:_MOST_READ]
    for pattern, says in _BY_PROGRAM:
        if pattern.search(beginning):
            yield says
    for found in dropped_in(beginning):
        if found.kind == "http":
            yield _("`{name}`: a link without encryption", name=found.name)
        else:
            yield says_of(found)
