"""What spans and metrics say of a send: names, outcomes and codes, and nothing of a person."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Final

from passpost import Attempt, DeliverySummary, PasspostError, Receipt, SendError
from passpost.errors import outcome_of as outcome_of_error

Value = str | bool | int | float | tuple[str, ...]

End = Receipt | BaseException
"""What a send came to: what it returned, or what it raised."""

OTHER: Final = "_OTHER"
"""OpenTelemetry's name for a value outside of a bounded set."""

_CODE: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,47}(?: [0-9][0-9.]{0,15}){0,2}", re.ASCII)
"""A provider's code such as ``535 5.7.8`` or ``Throttling.User``: one word, and numbers."""


def error_type(error: BaseException | Attempt) -> str:
    """Return what went wrong in a word from a bounded set: ``provider.rejected``."""
    if isinstance(error, Attempt):
        return f"{error.scope}.{error.result}"
    if isinstance(error, SendError):
        return f"{error.scope}.{error.outcome}"
    # Any other exception is what interrupted the send.
    known = isinstance(error, PasspostError | asyncio.CancelledError | KeyboardInterrupt)
    return type(error).__name__ if known else OTHER


def outcome_of(end: End) -> str:
    """Return ``accepted``, ``rejected`` or ``unknown``."""
    if isinstance(end, Receipt):
        return "accepted"
    return outcome_of_error(end)


def attempts_of(end: End) -> tuple[Attempt, ...]:
    """Return the attempts of a send; an interruption does not tell of any."""
    return end.attempts if isinstance(end, Receipt | SendError) else ()


def of_failure(failure: SendError | Attempt) -> Iterator[tuple[str, Value]]:
    """Yield the attributes of what a provider, or passpost, rejected."""
    if failure.scope is not None:
        yield "passpost.scope", failure.scope
    if failure.temporary is not None:
        yield "passpost.temporary", failure.temporary
    if failure.retry_after is not None:
        yield "passpost.retry_after", failure.retry_after
    code = failure.provider_code
    if code is not None and _CODE.fullmatch(code):
        yield "passpost.provider_code", code


def of_connector(name: str | None, summary: DeliverySummary) -> dict[str, Value]:
    """Return the attributes of a connector of the send's route."""
    kind = summary.connectors.get(name) if name else None
    if name is None or kind is None:
        return {}
    return {"passpost.connector": name, "passpost.connector.type": kind}


def of_end(end: End, summary: DeliverySummary) -> dict[str, Value]:
    """Return the attributes of a send's span that its end adds."""
    found: dict[str, Value] = {"passpost.outcome": outcome_of(end)}
    if isinstance(end, Receipt | SendError):
        found |= of_connector(end.connector, summary)
        found["passpost.attempts"] = len(end.attempts)
    if isinstance(end, Receipt):
        found["passpost.message_id"] = end.message_id
        found["passpost.replayed"] = end.replayed
    else:
        found["error.type"] = error_type(end)
    if isinstance(end, SendError):
        found |= of_failure(end)
    return found


def of_attempt(number: int, attempt: Attempt, summary: DeliverySummary) -> dict[str, Value]:
    """Return the attributes of an attempt's span."""
    found: dict[str, Value] = {"passpost.attempt": number, "passpost.outcome": attempt.result}
    found |= of_connector(attempt.connector, summary)
    found |= of_failure(attempt)
    if attempt.result != "accepted":
        found["error.type"] = error_type(attempt)
    return found
