"""How soon the same person may get another email of the same usage."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from passpost._policy.clock import Clock


class Cooldowns(Protocol):
    """Remembers who was written to; one for a process, or shared by a fleet."""

    async def begin(self, key: str, seconds: float) -> float:
        """Begin the cooldown of a recipient and usage.

        Args:
            key: Names both, without containing an address.
            seconds: How long it lasts.

        Returns:
            0 if it begins now; else the seconds that an earlier one lasts still.
        """
        ...

    async def give_back(self, key: str) -> None:
        """End a cooldown: the email was not sent."""
        ...


class MemoryCooldowns:
    """The cooldowns of one process.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Of the same length nearly all, so what was begun first is over first.
        self._over: OrderedDict[str, float] = OrderedDict()

    async def begin(self, key: str, seconds: float) -> float:
        """Begin a cooldown; see `Cooldowns.begin`."""
        now = self._clock.monotonic()
        left = self._over.get(key, now) - now
        if left > 0:
            return left
        self._forget(now)
        self._over[key] = now + seconds
        self._over.move_to_end(key)
        return 0.0

    async def give_back(self, key: str) -> None:
        """End a cooldown."""
        self._over.pop(key, None)

    def _forget(self, now: float) -> None:
        while self._over and next(iter(self._over.values())) <= now:
            self._over.popitem(last=False)
