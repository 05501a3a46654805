"""An extension of passpost, which each mailer of passpost-django has.

It supplies the templates of emails that Django has rendered. So the name of their usage stays free
for routes, limits and logs, and no settings file needs a template for it.
"""

from __future__ import annotations

import passpost
from passpost_django.templates import RENDERED, template_of


@passpost.hookimpl
def find_template(message: passpost.Message) -> passpost.Template | None:
    """Return the template of an email that Django has rendered; None for all other emails."""
    return template_of(message) if RENDERED in message.context else None
