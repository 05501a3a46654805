"""The templates of emails that Django has rendered: they show what they are given.

This module is an extension of passpost, which each mailer of passpost-django has. So the name of
the usage stays free for routes, limits and logs, and no settings file needs a template for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import passpost

USAGE: Final = "Django"
"""The usage of emails that Django has rendered, unless the backend's options name another."""

RENDERED: Final = "passpost_django"
"""The key in `Message.context` that marks such an email."""

_TEXT: Final = "{{{text}}}"
_HTML: Final = "{{{html}}}"


def _template(content: str, kind: str, text: str | None = None) -> passpost.Template:
    return passpost.Template(
        usage_type=USAGE,
        subject="{{{subject}}}",
        content=content,
        content_type="text/html" if kind == "html" else "text/plain",
        text=text,
    )


_TEMPLATES: Final[Mapping[frozenset[str], passpost.Template]] = {
    frozenset({"text"}): _template(_TEXT, "text"),
    frozenset({"html"}): _template(_HTML, "html"),
    frozenset({"text", "html"}): _template(_HTML, "html", _TEXT),
}


@passpost.hookimpl
def find_template(message: passpost.Message) -> passpost.Template | None:
    """Return the template of an email that Django has rendered; None for all other emails."""
    return template_of(message) if RENDERED in message.context else None


def template_of(message: passpost.Message) -> passpost.Template:
    """Return the template for what an email of Django consists of."""
    return _TEMPLATES[frozenset(message.payload) - {"subject"}]
