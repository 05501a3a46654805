"""The pages of the console, in the order of its navigation: a page is a file and a line here.

A page is a function from a `Visit` to a response, which runs in a thread. `Visit.show` fills in a
template of ``templates/``, whose texts are phrases: ``{{ _("Save") }}``. A change of the settings
is a text: `passpost_console.changes.propose` looks at it, and `passpost_console.pages.saving`
shows the difference and saves it. A response may have a content policy of its own, such as that
of a page in a frame.
"""

from __future__ import annotations

from typing import Final

from passpost_console.pages import (
    adding,
    connector,
    deliveries,
    doctor,
    frame,
    language,
    overview,
    saving,
    template,
    templates,
    text,
    trial,
)
from passpost_console.visit import Page

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    adding.PAGE,
    connector.PAGE,
    text.CONNECTOR,
    templates.PAGE,
    template.PAGE,
    frame.PAGE,
    trial.PAGE,
    text.PAGE,
    doctor.PAGE,
    deliveries.PAGE,
    saving.PAGE,
    language.PAGE,
)
