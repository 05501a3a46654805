"""How many emails a connector may be given in a time."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import attrs

from passpost._phrases import _
from passpost._problems import Invalid
from passpost._stores.clock import default_clock

if TYPE_CHECKING:
    from passpost._policy.clock import Clock

_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_FORM: Final = re.compile(r"([1-9][0-9]{0,5})/(?:([1-9][0-9]{0,4}) ?)?(s|min|h|d)")


@attrs.frozen
class Rate:
    """A number of emails in a time: ``100/s``, ``500/d``, ``1/10min``.

    Attributes:
        emails: How many.
        seconds: In how many seconds.
    """

    emails: int
    seconds: int

    @classmethod
    def from_setting(cls, value: Any) -> Self:
        """Read a rate as operators write it.

        Raises:
            Invalid: The value is not a rate.
        """
        match = _FORM.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise Invalid(
                _("not a rate"), _('write emails per time, in s, min, h or d: "100/s"'), code="E423"
            )
        return cls(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])

    def __str__(self) -> str:
        return f"{self.emails}/{self.seconds}s"


class RateLimiter(Protocol):
    """Counts what each connector was given; one for a process, or shared by a fleet."""

    async def take(self, name: str, rate: Rate) -> float:
        """Take one place.

        Args:
            name: What is limited: a connector's name.
            rate: How much there is of it.

        Returns:
            0 with a place taken; else the seconds until one may be there, with none taken.
        """
        ...


class MemoryRateLimiter:
    """The limiter of one process: any window of the rate's length holds at most its emails.

    Args:
        clock: The time; that of the running event loop by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or default_clock()
        self._taken: dict[str, deque[float]] = {}

    async def take(self, name: str, rate: Rate) -> float:
        """Take one place; see `RateLimiter.take`."""
        return self.take_now(name, rate)

    def take_now(self, name: str, rate: Rate) -> float:
        """Take one place at once: what waits for nothing costs each email less."""
        now = self._clock.monotonic()
        taken = self._taken.get(name)
        # Another mailer may have another rate for this name.
        if taken is None or (taken.maxlen or 0) < rate.emails:
            taken = self._taken[name] = deque(taken or (), maxlen=rate.emails)
        if len(taken) >= rate.emails and (wait := taken[-rate.emails] + rate.seconds - now) > 0:
            return wait
        taken.append(now)
        return 0.0
