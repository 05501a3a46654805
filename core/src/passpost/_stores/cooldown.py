"""How soon the same person may get another email of the same usage."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from passpost._stores.common import default_clock

if TYPE_CHECKING:
    from passpost._policy.clock import Clock


class Cooldowns(Protocol):
    """Remembers who was written to; one for a process, or shared by a fleet."""

    async def begin(self, key: str, seconds: float, *, owner: str) -> float:
        """Begin the cooldown of a recipient and usage.

        Args:
            key: Names both, without containing an address.
            seconds: How long it lasts.
            owner: Names the send, so that no other ends the cooldown. An owner that asks again,
                because a reply was lost, begins it again.

        Returns:
            0 if it begins now; else the seconds that another send's lasts still.
        """
        ...

    async def give_back(self, key: str, *, owner: str) -> None:
        """End a cooldown whose email was not sent; one of another owner stays."""
        ...


class MemoryCooldowns:
    """The cooldowns of one process.

    Args:
        clock: The time; that of the running event loop by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or default_clock()
        # Of the same length nearly all, so what was begun first is over first.
        self._begun: OrderedDict[str, tuple[float, str]] = OrderedDict()
        # When the one that was begun first is over: before that, none has to be looked for.
        self._first_over = 0.0

    async def begin(self, key: str, seconds: float, *, owner: str) -> float:
        """Begin a cooldown; see `Cooldowns.begin`."""
        return self.begin_now(key, seconds, owner=owner)

    def begin_now(self, key: str, seconds: float, *, owner: str) -> float:
        """Begin a cooldown at once: what waits for nothing costs each email less."""
        now = self._clock.monotonic()
        begun = self._begun.get(key)
        if begun is not None:
            over, known = begun
            if over > now and known != owner:
                return over - now
            del self._begun[key]
        if now >= self._first_over:
            self._forget(now)
        self._begun[key] = now + seconds, owner
        return 0.0

    async def give_back(self, key: str, *, owner: str) -> None:
        """End a cooldown."""
        if key in self._begun and self._begun[key][1] == owner:
            del self._begun[key]

    def _forget(self, now: float) -> None:
        self._first_over = 0.0
        while self._begun:
            over = next(iter(self._begun.values()))[0]
            if over > now:
                self._first_over = over
                return
            self._begun.popitem(last=False)
