"""What an author says of a suite: rejections of the provider, and overrides with their reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from passpost.errors import Outcome, Scope
from pytest_passpost.servers.http.messages import Answer

PROPERTY: Final = "passpost-suite"
"""The name of what a check notes on its report for the summary."""

_REASON: Final = "__passpost_reason__"


@attrs.frozen
class Refusal:
    """One way in which the provider says no, and what that means.

    ::

        Refusal("throttled", Answer.json({"code": "slow_down"}, 400), "provider", temporary=True)
        Refusal("throttled", lambda stand-in: fake.refuse("slow_down"), "provider", temporary=True)

    Args:
        name: A short name: ``throttled``.
        how: The provider's answer over HTTP, or what makes the stand-in reject the next email.
        scope: Whose matter it is.
        temporary: Whether the same mail may go through later.
        outcome: ``rejected``, or ``unknown`` where the provider may have taken the email.
        retry_after: The seconds that the answer says to wait.
    """

    name: str
    how: Answer | Callable[[Any], object] = attrs.field(repr=False)
    scope: Scope
    temporary: bool = attrs.field(default=False, kw_only=True)
    outcome: Outcome = attrs.field(default="rejected", kw_only=True)
    retry_after: float | None = attrs.field(default=None, kw_only=True)


def override(reason: str) -> Callable[[Callable[..., Any]], Any]:
    """Mark a check of the suite that a connector has to do in another way, or not at all.

    ::

        class TestAcme(ConnectorSuite):
            @override("Acme closes each connection after one email")
            def test_connections_are_reused(self) -> None: ...

    Args:
        reason: Why, in words for the users of the connector; the summary of the run prints it.

    Raises:
        ValueError: The reason is empty.
    """
    if not reason or not reason.strip():
        raise ValueError("an override needs a reason")

    def mark(check: Callable[..., Any]) -> Callable[..., Any]:
        setattr(check, _REASON, reason)
        return check

    return mark


def reason_of(check: object) -> str | None:
    """Return the reason of an override, or None where it does not override."""
    return getattr(check, _REASON, None)
