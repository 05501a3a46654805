"""Enters mutants: connectors that are wrong in one respect each, and what is to catch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acme import Acme

from passpost import SendError

if TYPE_CHECKING:
    from collections.abc import Callable

MUTANTS: dict[str, tuple[type[Acme], str]] = {}
"""The mutants by name, each with the check meant for it."""


def caught_by(check: str) -> Callable[[type[Acme]], type[Acme]]:
    """Enter a mutant with the check that has to fail for it, and perhaps its parameter."""

    def enter(mutant: type[Acme]) -> type[Acme]:
        MUTANTS[mutant.__name__] = (mutant, check)
        return mutant

    return enter


def late(outcome: Any = "unknown", scope: Any = "provider", *, temporary: bool = True) -> SendError:
    return SendError("no", outcome=outcome, scope=scope, temporary=temporary, hint="Look.")
