"""Says what came of an email, with all that is known of it, to an author who looks for a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passpost.errors import SendError

if TYPE_CHECKING:
    from passpost.messages import Receipt


def told(result: Receipt | SendError) -> str:
    """Return a receipt, or an error with its facts, as lines."""
    if not isinstance(result, SendError):
        return f"accepted: {result}"
    facts = [f"{name}: {value}" for name, value in result.facts().items() if value is not None]
    return "\n  ".join([f"{type(result).__name__}: {result}", *facts])


def violations_of(provider: Any) -> list[str]:
    """Return what a stand-in, or the server within it, noted that a client must not do."""
    for holder in (provider, getattr(provider, "server", None)):
        if (violations := getattr(holder, "violations", None)) is not None:
            return [str(one) for one in violations]
    return []
