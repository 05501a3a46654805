"""What is said of a mail that cannot be put on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost import SendError

if TYPE_CHECKING:
    from passpost.errors import Scope


def unfit(
    what: str, reason: str, *, scope: Scope = "message", hint: str | None = None
) -> SendError:
    """Give the error of a mail that was not sent because a part of it cannot stand on the wire.

    Args:
        what: The part: ``Subject``. Never its value.
        reason: What is wrong, in words that do not repeat the value.
        scope: Whose matter it is.
        hint: What whoever runs the system can do about it.
    """
    return SendError(f"{what}: {reason}", outcome="rejected", scope=scope, hint=hint)
