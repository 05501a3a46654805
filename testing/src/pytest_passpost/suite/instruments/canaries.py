"""Looks for secrets and payload where they must not be."""

from __future__ import annotations

import html
import json
import logging
import quopri
import re
import traceback
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST: Final = 4
"""Characters that a text must have to be looked for; shorter ones are in every other word."""


# Base64, hexadecimal and quoted-printable are broken over lines after a certain width.
_FOLD: Final = re.compile(r"=?[ \t]*(?:\r?\n|\\r\\n|\\n)[ \t]*")


def forms(text: str) -> set[str]:
    """Return what a text looks like as it is, in base64, hexadecimal, URLs, JSON and the like."""
    octets = text.encode()
    encoded = {text, quote(text, safe=""), quote(text), quote_plus(text), html.escape(text)}
    encoded |= {json.dumps(text)[1:-1], repr(text)[1:-1]}
    encoded |= {octets.hex(), octets.hex().upper(), octets.hex(" "), octets.hex(":")}
    quoted = quopri.encodestring(octets).decode("ascii")
    return encoded | {_FOLD.sub("", quoted)} | set(_base64(octets))


def _base64(octets: bytes) -> Iterator[str]:
    """Return the characters that octets have in base64 wherever they are in what is encoded."""
    for encode in (b64encode, urlsafe_b64encode):
        for offset in range(3):
            whole = encode(b"\0" * offset + octets).decode("ascii")
            # Characters at the ends also hold bits of what is before and after.
            yield whole[-(-offset * 8 // 6) : (offset + len(octets)) * 8 // 6]


class Canaries:
    """Texts that must show nowhere.

    Args:
        texts: The texts by what they are: ``{"password": "…"}``.
    """

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._forms = {
            form: name for name, text in texts if len(text) >= SHORTEST for form in forms(text)
        }

    def found_in(self, *texts: str) -> list[str]:
        """Return the names of what shows in the texts: names alone, for a report repeats them."""
        views = {view for text in texts for view in (text, _FOLD.sub("", text))}
        found = {name for view in views for form, name in self._forms.items() if form in view}
        return sorted(found)


def shown(error: BaseException) -> tuple[str, ...]:
    """Return all that an error shows when it is printed, logged or reported."""
    trace = "".join(traceback.format_exception(error))
    parts = [str(error), repr(error), trace]
    parts += [str(getattr(error, name, "")) for name in ("hint", "problems", "scope", "outcome")]
    return tuple(parts)


class LogRecords(logging.Handler):
    """Keeps every record that is logged while its ``with`` block runs, at any level, as text."""

    def __init__(self) -> None:
        super().__init__(level=logging.NOTSET)
        self.texts: list[str] = []
        self._levels: list[tuple[logging.Logger, int, bool]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, its arguments and its traceback."""
        self.texts += [self.format(record), repr(record.args), str(vars(record))]

    def __enter__(self) -> Self:
        known = logging.root.manager.loggerDict.values()
        for logger in (logging.root, *(one for one in known if isinstance(one, logging.Logger))):
            self._levels.append((logger, logger.level, logger.propagate))
            logger.setLevel(logging.DEBUG)
            logger.propagate = True
        logging.root.addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.root.removeHandler(self)
        for logger, level, propagate in self._levels:
            logger.setLevel(level)
            logger.propagate = propagate
