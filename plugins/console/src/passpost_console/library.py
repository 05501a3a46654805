"""The templates of a settings file as they are written: the application's, and each connector's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost_console.forms import lines, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from passpost_console.workspace import Document, Entry

LIST: Final = "templates"
CONTENTS: Final = (LIST, "missingVariables")
"""The settings that decide what emails say, whichever connector sends them."""

APPLICATION: Final = ""
"""The owner of the templates that all connectors share."""

KEYS: Final = (
    "usageType", "locale", "subject", "contentType", "content", "text", "replyTo", "sendFrom",
)  # fmt: skip
"""The settings of a template, in the order of the form."""

BODIES: Final = ("content", "text")
_REQUIRED: Final = ("usageType", "subject", "content")


@attrs.frozen
class Written:
    """A template as it is written.

    Attributes:
        owner: The connector that it belongs to; `APPLICATION` for all of them.
        number: Its place in the list; that behind the last one for a new one.
        values: What is written.
    """

    owner: str
    number: int
    values: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def usage(self) -> str:
        """What it is for; empty if it does not say."""
        return self._text("usageType")

    @property
    def locale(self) -> str:
        """Its language; empty for every language."""
        return self._text("locale")

    @property
    def subject(self) -> str:
        """Its subject."""
        return self._text("subject")

    def _text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


@attrs.frozen
class Library:
    """The templates of one owner.

    Attributes:
        owner: The connector; `APPLICATION` for the templates that all connectors share.
        items: The list as it is written; None if there is none.
        content_type: What a content is where its template does not say.
    """

    owner: str
    items: tuple[Any, ...] | None
    content_type: str

    @property
    def path(self) -> tuple[str, ...]:
        """Where the list is in the settings."""
        return ("connectors", self.owner, "settings", LIST) if self.owner else (LIST,)

    def templates(self) -> Iterator[Written]:
        """Yield those that are templates at all."""
        for number, values in enumerate(self.items or ()):
            if isinstance(values, dict):
                yield Written(self.owner, number, values)

    def template(self, number: int) -> Written | None:
        """Return the template at a place; None if there is none."""
        return next((one for one in self.templates() if one.number == number), None)

    def changed(self, data: Mapping[str, Any], items: Sequence[Any]) -> dict[str, Any]:
        """Return the settings with another list."""
        wanted = dict(data)
        inside = wanted
        for step in self.path[:-1]:
            inner = inside.get(step)
            inside[step] = dict(inner) if isinstance(inner, dict) else {}
            inside = inside[step]
        inside[LIST] = list(items)
        return wanted


def libraries(document: Document) -> tuple[Library, ...]:
    """Return the templates of an application, then those of each connector that can have some."""
    known = (one for one in document.entries if one.info is not None)
    own = [one for one in known if not one.has_templates_at_provider]
    kinds = {_content_type(one) for one in own}
    shared = kinds.pop() if len(kinds) == 1 else "text/plain"
    return (
        Library(APPLICATION, _items(document.data), shared),
        *(Library(one.name, _items(one.settings), _content_type(one)) for one in own),
    )


def library(document: Document, owner: str) -> Library | None:
    """Return the templates of an owner; None if there is no such owner."""
    return next((one for one in libraries(document) if one.owner == owner), None)


def _content_type(entry: Entry) -> str:
    config_class = entry.info.config_class if entry.info is not None else None
    return str(getattr(config_class, "default_content_type", "text/plain"))


def _items(settings: Mapping[str, Any]) -> tuple[Any, ...] | None:
    written = settings.get(LIST)
    return tuple(written) if isinstance(written, list) else None


def edited(values: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    """Return a template with what a form changes; what it leaves alone stays as it is."""
    made = dict(values)
    for key in KEYS:
        if key not in form:
            continue
        old, text = values.get(key), lines(form[key])
        text = text if key in BODIES else text.strip(" ")
        if text == lines(shown(old)) and (old is not None or not text):
            continue
        if text or key in _REQUIRED:
            made[key] = text
        else:
            made.pop(key, None)
    # The order of the form, for those that are new.
    first = [key for key in KEYS if key in made and key not in values]
    return (
        {key: made[key] for key in (*(k for k in made if k not in first), *first)}
        if (values)
        else {key: made[key] for key in KEYS if key in made}
    )
