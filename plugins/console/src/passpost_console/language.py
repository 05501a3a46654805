"""The language of a page: what the reader chose, or what the browser asks for."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

COOKIE: Final = "passpost-console-language"
NAMES: Final = {"en": "English", "zh-CN": "中文"}
"""The languages of the console, each by its own name."""

DEFAULT: Final = "en"


def language_of(request: Request) -> str:
    """Return the language in which a page answers a request."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in NAMES else preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> str:
    """Return the language that an ``Accept-Language`` header likes best of those there are."""
    best, weight = DEFAULT, 0.0
    for part in header.split(","):
        tag, _, options = part.strip().partition(";")
        found, quality = _nearest(tag.strip().lower()), _quality(options)
        if found is not None and quality > weight:
            best, weight = found, quality
    return best


def _nearest(tag: str) -> str | None:
    base = tag.partition("-")[0]
    return next((name for name in NAMES if name.partition("-")[0] == base), None)


def _quality(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
