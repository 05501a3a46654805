"""The pages of the console, in the order of its navigation: a page is a file and a line here."""

from __future__ import annotations

from typing import Final

from passpost_console.pages import adding, connector, language, overview, saving, text
from passpost_console.visit import Page

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    adding.PAGE,
    connector.PAGE,
    text.CONNECTOR,
    text.PAGE,
    saving.PAGE,
    language.PAGE,
)
