"""Reads forms from pages, as a browser without scripts does."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

import httpx

_EMPTY: Final = "text"


class _Forms(HTMLParser):
    """Collects the fields of each form of a page, by the URL that it is sent to."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}
        self._select: str | None = None
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._fields = self.forms.setdefault(given.get("action") or "", {})
        elif tag == "input" and given.get("type") not in ("checkbox", "radio"):
            self._fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            value = given.get("value") or ""
            if "selected" in given:
                self._fields[self._select] = value
            self._fields.setdefault(self._select, value)
        elif tag == "textarea":
            self._textarea = name
            self._fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        if tag == "textarea" and self._textarea is not None:
            # HTML ignores the line break behind the tag; browsers send CR LF.
            text = self._fields[self._textarea].removeprefix("\n")
            self._fields[self._textarea] = text.replace("\r\n", "\n").replace("\n", "\r\n")
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._fields[self._textarea] += data


def form(response: httpx.Response, action: str) -> dict[str, str]:
    """Return the fields of a form as they are sent if nobody changes them."""
    reader = _Forms()
    reader.feed(response.text)
    assert action in reader.forms, sorted(reader.forms)
    return dict(reader.forms[action])
