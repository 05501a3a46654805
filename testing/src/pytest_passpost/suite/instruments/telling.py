"""Describes what came of an email, for an author who looks for a cause."""

from __future__ import annotations

from typing import Any, Final, get_args

from passpost import Receipt, SendError
from passpost.errors import Outcome, Scope

_TEXTS: Final = ("provider_id", "provider_code", "response", "hint")
_CHOICES: Final = {
    "outcome": get_args(Outcome),
    "scope": get_args(Scope),
    "temporary": (True, False),
}


def told(result: Receipt | SendError) -> str:
    """Return a receipt, or an error with its facts, as lines."""
    if not isinstance(result, SendError):
        return f"accepted: {result}"
    facts = [f"{name}: {value}" for name, value in result.facts().items() if value is not None]
    return "\n  ".join([f"{type(result).__name__}: {result}", *facts])


def wrong_facts(result: Receipt | SendError) -> str:
    """Return which facts of a receipt or an error have a value that the contract does not allow.

    passpost would leave them out, and call it a defect in its log.
    """
    given = {name: getattr(result, name, None) for name in _TEXTS}
    wrong = [name for name, value in given.items() if not isinstance(value, str | None)]
    if isinstance(result, SendError):
        wrong += [name for name, known in _CHOICES.items() if getattr(result, name) not in known]
    return ", ".join(f"{name}={getattr(result, name)!r}" for name in wrong)


def violations_of(provider: Any) -> list[str]:
    """Return what a stand-in, or the server within it, noted that a client must not do."""
    for holder in (provider, getattr(provider, "server", None)):
        if (violations := getattr(holder, "violations", None)) is not None:
            return [str(one) for one in violations]
    return []
