"""Remembers the language that a reader chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from passpost_console.language import COOKIE, NAMES
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from starlette.responses import Response

_YEAR: Final = 365 * 24 * 3600


def answer(visit: Visit) -> Response:
    """Set the language, and go back to the page."""
    back = visit.form.get("back", "/")
    # Only paths of this console: two slashes would lead to another site.
    safe = back.startswith("/") and not back.startswith("//") and "\\" not in back
    path, _mark, query = (back if safe else "/").partition("?")
    response = visit.go(path, **dict(parse_qsl(query)))
    if (chosen := visit.form.get("language", "")) in NAMES:
        response.set_cookie(
            COOKIE, chosen, _YEAR, path=visit.url("/"), httponly=True, samesite="strict"
        )
    return response


PAGE: Final = Page("/language", answer, posts=True)
