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
    for found in dropped_in(html[:_MOST_READ]):
        if found.kind == "http":
            yield _("`{name}`: a link without encryption", name=found.name)
        else:
            yield says_of(found)
