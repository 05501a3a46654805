"""The templates of emails that Django has rendered: they show what they are given."""

from __future__ import annotations

from functools import cache
from typing import Final

import passpost

USAGE: Final = "Django"
"""The usage of emails that Django has rendered, unless the backend's options name another."""

RENDERED: Final = "passpost_django"
"""The key in `Message.context` that marks such an email."""

_TEXT: Final = "{{{text}}}"
_HTML: Final = "{{{html}}}"


def template_of(message: passpost.Message) -> passpost.Template:
    """Return the template for what an email of Django consists of."""
    return _template("text" in message.payload, "html" in message.payload)


# Made when they are first needed: importing the package compiles nothing.
@cache
def _template(has_text: bool, has_html: bool) -> passpost.Template:
    return passpost.Template(
        usage_type=USAGE,
        subject="{{{subject}}}",
        content=_HTML if has_html else _TEXT,
        content_type="text/html" if has_html else "text/plain",
        text=_TEXT if has_text and has_html else None,
    )
