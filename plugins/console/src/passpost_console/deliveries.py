"""What became of emails: from the log of an application, or from its outbox."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import attrs

from passpost.wire import shortened

OUTCOMES: Final = ("accepted", "rejected", "expired", "unknown")
"""What becomes of an email; those of an outbox may expire before they are sent."""

MOST: Final = 5_000
"""Emails that a page looks at: the latest."""

_MOST_BYTES: Final = 8 << 20
_LONGEST_LINE: Final = 64 << 10
_LONGEST_WORD: Final = 80
_OLDER: Final = (".1", ".2")


@attrs.frozen(kw_only=True)
class Delivery:
    """What became of one email. It has neither content nor address.

    Attributes:
        at: When, as seconds since 1970; None if the log does not say.
        usage: What the email is for.
        recipient: The address, shortened: ``a…@example.com``.
        connector: The connector that accepted it, or failed last; empty if none was asked.
        outcome: One of `OUTCOMES`.
        milliseconds: How long it took; None if nobody knows.
        scope: Who has to act, if it was not accepted.
        code: The provider's code.
    """

    at: float | None
    usage: str
    recipient: str
    connector: str
    outcome: str
    milliseconds: float | None = None
    scope: str = ""
    code: str = ""


@attrs.frozen
class Read:
    """What a log says.

    Attributes:
        deliveries: The emails, the newest first.
        is_part: Whether there are older ones, which were not read.
    """

    deliveries: tuple[Delivery, ...]
    is_part: bool = False


def read_log(path: Path) -> Read:
    """Return the latest emails of a log: a file with a JSON document in each line.

    A log that was rotated continues in ``FILE.1``. Lines of other kinds are passed over, and so is
    a line that is not complete yet. However large the log is, little of it is read.

    Raises:
        OSError: The file cannot be read.
    """
    left = _MOST_BYTES
    found: list[Delivery] = []
    for place in (path, *(path.with_name(path.name + ending) for ending in _OLDER)):
        if place is not path and not place.is_file():
            break
        with _opened(place) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - left, 0))
            lines = file.read(left).split(b"\n")
        whole = size <= left
        # What the window cuts off at its start, and what is being written at its end.
        lines = lines[0 if whole else 1 : -1]
        found += _deliveries(reversed(lines))
        left -= size
        if len(found) > MOST or left <= 0:
            return Read(tuple(found[:MOST]), is_part=True)
    return Read(tuple(found))


def _opened(path: Path) -> BinaryIO:
    # A pipe would never end.
    if path.exists() and not path.is_file():
        return BytesIO()
    return path.open("rb")


def _deliveries(lines: Iterator[bytes]) -> Iterator[Delivery]:
    for line in lines:
        # Most lines of a log may be of others.
        if len(line) > _LONGEST_LINE or b'"outcome"' not in line:
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        delivery = _delivery(document) if isinstance(document, dict) else None
        if delivery is not None:
            yield delivery


def _delivery(document: dict[str, Any]) -> Delivery | None:
    facts = document.get("passpost", document)
    if not isinstance(facts, dict) or facts.get("outcome") not in OUTCOMES:
        return None
    if not isinstance(facts.get("usage"), str) or not isinstance(facts.get("recipient"), str):
        return None
    return Delivery(
        at=_seconds(document.get("time")),
        usage=_word(facts["usage"]),
        recipient=_word(shortened(facts["recipient"])),
        connector=_word(facts.get("connector")),
        outcome=facts["outcome"],
        milliseconds=_number(facts.get("milliseconds")),
        scope=_word(facts.get("scope")),
        code=_word(facts.get("code")),
    )


def _word(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return "".join(one for one in text[:_LONGEST_WORD] if one.isprintable())


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A day is more than any send takes; NaN is neither.
    return float(value) if is_number and 0 <= value < 86_400_000 else None  # noqa: PLR2004 - see above


def _seconds(value: Any) -> float | None:
    """Return a time of ISO 8601, or of seconds since 1970; without an offset it is local."""
    try:
        moment = (
            datetime.fromisoformat(value)
            if isinstance(value, str)
            else datetime.fromtimestamp(value, UTC)
        )
        return moment.timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
