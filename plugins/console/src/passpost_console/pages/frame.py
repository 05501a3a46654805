"""The HTML of an email in a frame: nothing in it runs, loads or leads anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse

from passpost_console.pages import failures
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from starlette.responses import Response

POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""No scripts, no forms, no way to another page; pictures only if they are in the email."""

HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-frame-options": "SAMEORIGIN",
    # Chromium would look the names of links up.
    "x-dns-prefetch-control": "off",
    "referrer-policy": "no-referrer",
}
"""The headers of an email's HTML, as a document of its own."""

# No content policy stops `<link rel=preconnect>`, nor one in the document of an inner frame.
_LOADING: Final = re.compile(
    r"<(?=(?:link|iframe|frame|frameset|object|embed|base)\b)", re.IGNORECASE
)

_ASKED: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_DECLARED: Final = re.compile(
    r"""(\bcolor-scheme\s*:\s*|\bname=["']color-scheme["']\s+content=["'])
    (?:light\s+dark|dark\s+light)""",
    re.IGNORECASE | re.VERBOSE,
)
_YES: Final = "(min-width: 0)"
_NO: Final = "(max-width: 0)"


def framed(html: str) -> str:
    """Return HTML whose elements that open connections are unknown elements."""
    return _LOADING.sub("<x-", html)


def themed(html: str, theme: str) -> str:
    """Return HTML that shows itself in a theme, whichever the reader's own browser has."""
    html = _ASKED.sub(lambda asked: _YES if asked[1].lower() == theme else _NO, html)
    return _DECLARED.sub(lambda declared: declared[1] + theme, html)


def answer(visit: Visit) -> Response:
    """Show an email's HTML as it is."""
    html = visit.workspace.previews.get(visit.arguments["id"])
    if html is None:
        return failures.failed(visit, 404)
    theme = "dark" if visit.query.get("theme") == "dark" else "light"
    shown = framed(themed(html, theme))
    return HTMLResponse(shown.encode("utf-8", "replace"), headers=HEADERS)


PAGE: Final = Page("/preview/{id}", answer)
