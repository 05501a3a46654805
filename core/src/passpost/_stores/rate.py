"""How many emails a connector may be given in a time."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, runtime_checkable

import attrs

from passpost._phrases import _
from passpost._problems import Invalid
from passpost._stores.common import default_clock

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


@runtime_checkable
class ReturnableRates(RateLimiter, Protocol):
    """A limiter whose places can be given back, by emails that their connector was not given."""

    async def reserve(self, name: str, rate: Rate) -> tuple[float, str]:
        """Take one place as `RateLimiter.take` does.

        Returns:
            What `take` returns, and what names the place that was taken.
        """
        ...

    async def give_back(self, name: str, place: str) -> None:
        """Return one place, so that another email may have it.

        Args:
            name: What is limited.
            place: What `reserve` returned. A place that is not there any more stays given back.
        """
        ...


class MemoryRateLimiter:
    """The limiter of one process: any window of the rate's length holds at most its emails.

    Its places are given back, too. A class derived from it, whose `take` may do more, is asked by
    `take` alone, unless it is `ReturnableRates`.

    Args:
        clock: The time; that of the running event loop by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or default_clock()
        self._taken: dict[str, deque[float]] = {}

    async def take(self, name: str, rate: Rate) -> float:
        """Take one place; see `RateLimiter.take`."""
        return self.take_at(name, rate, self._clock.monotonic())

    def take_at(self, name: str, rate: Rate, now: float) -> float:
        """Take one place at once: what waits for nothing costs each email less.

        Args:
            name: What is limited.
            rate: How much there is of it.
            now: The time, which names the place: those of one moment are as good as each other.
        """
        taken = self._taken.get(name)
        # Another mailer may have another rate for this name.
        if taken is None or (taken.maxlen or 0) < rate.emails:
            taken = self._taken[name] = deque(taken or (), maxlen=rate.emails)
        if len(taken) >= rate.emails and (wait := taken[-rate.emails] + rate.seconds - now) > 0:
            return wait
        taken.append(now)
        return 0.0

    def give_back_at(self, name: str, place: float) -> None:
        """Return a place that was taken at that time."""
        taken, later = self._taken.get(name) or deque(), list[float]()
        # Nearly always among the last: a place is given back by an email that is under way.
        while taken and (last := taken.pop()) != place:
            later.append(last)
        taken.extend(reversed(later))
