"""The HTML of an email as a document of its own, which can neither act nor load anything."""

from __future__ import annotations

import re
from typing import Final

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
"""The headers of such a document."""

# No content policy stops `<link rel=preconnect>`, nor one in the document of an inner frame.
_LOADING: Final = re.compile(
    r"<(?=(?:link|iframe|frame|frameset|object|embed|base)\b)", re.IGNORECASE
)


def framed(html: str) -> str:
    """Return HTML whose elements that open connections are unknown elements."""
    return _LOADING.sub("<x-", html)
