"""The pages of the console, in the order of its navigation: a page is a file and a line here."""

from __future__ import annotations

from typing import Final

from passpost_console.pages import language, overview
from passpost_console.visit import Page

PAGES: Final[tuple[Page, ...]] = (overview.PAGE, language.PAGE)
