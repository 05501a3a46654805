"""The templates of a settings file as they are written, whatever else is wrong with the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._messages.usages import canonical_usage
from passpost._templates.syntax import Node, parse
from passpost.config import Invalid, Problem, Referenced, Settings

HTML: Final = "text/html"
PLAIN: Final = "text/plain"


@attrs.frozen(eq=False)
class Draft:
    """A template of the file.

    Attributes:
        settings: The whole file, references replaced.
        path: Where the template is.
        values: What is written there.
        html: Whether its content is HTML.
    """

    settings: Settings
    path: tuple[str | int, ...]
    values: Mapping[str, Any]
    html: bool

    @property
    def usage(self) -> str:
        """What the template is for; empty if it does not say."""
        return canonical_usage(self.text("usageType"))

    @property
    def locale(self) -> str:
        """The language in lower case; empty for every language."""
        return self.text("locale").lower()

    def text(self, key: str) -> str:
        """Return a text of the template; empty if it is not there."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def nodes(self, key: str) -> tuple[Node, ...]:
        """Return a text as Mustache; none if it cannot be read, which is a problem of its own."""
        try:
            return parse(self.text(key))
        except Invalid:
            return ()

    def problem(
        self, key: str, code: str, message: str, remedy: str = "", *, offset: int | None = None
    ) -> Problem:
        """Return a warning about a text of the template, perhaps about one character of it."""
        written = key if key in self.values else ""
        path = (*self.path, written) if written else self.path
        if isinstance(self.values.get(key), Referenced):
            offset = None
        return self.settings.problem(
            path, message, remedy, severity="warning", offset=offset, code=code
        )


def drafts_of(
    settings: Settings, path: tuple[str | int, ...], content_type: str
) -> tuple[Draft, ...]:
    """Return the templates of a list.

    Args:
        settings: The whole file.
        path: Where the list is.
        content_type: What a content is where its template does not say.
    """
    return tuple(_drafts(settings, path, content_type))


def _drafts(settings: Settings, path: tuple[str | int, ...], content_type: str) -> Iterator[Draft]:
    owner = settings.sub(*path[:-1]) if len(path) > 1 else settings
    listed = owner.get(str(path[-1]))
    if not isinstance(listed, list | tuple):
        return
    for index, item in enumerate(listed):
        if isinstance(item, Mapping):
            html = (item.get("contentType") or content_type) == HTML
            yield Draft(settings, (*path, index), item, html)
