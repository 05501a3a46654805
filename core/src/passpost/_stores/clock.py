"""The time of stores in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passpost._policy.clock import Clock


def default_clock() -> Clock:
    """Return the clock of the running event loop."""
    # It imports asyncio, which a program that only reads settings need not pay.
    from passpost._policy.clock import LoopClock  # noqa: PLC0415

    return LoopClock()
