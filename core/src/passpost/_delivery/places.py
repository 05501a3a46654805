"""The places that a connector's rate has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Literal

from passpost._delivery.once import tolerate
from passpost._phrases import _
from passpost._plugins.defects import describe_defect
from passpost._stores.common import seconds_told
from passpost._stores.rate import MemoryRateLimiter, ReturnableRates

if TYPE_CHECKING:
    from passpost._delivery.deadlines import Deadlines
    from passpost._delivery.notes import Notes
    from passpost._policy.clock import Clock
    from passpost._stores.rate import Rate, RateLimiter

log: Final = logging.getLogger("passpost")

_GIVING_BACK: Final = 1.0
"""Seconds that it may take to give a place back, past the deadline as well."""

Taken = float | str
"""Names a place that was taken."""

UNNAMED: Final = ""
"""A place that cannot be given back: its limiter knows no way, or did not say whether it is one."""


class Places:
    """The places of one connector.

    Args:
        limiter: Counts what the connectors are given.
        name: The connector's name.
        rate: How much it may be given.
        on_failure: Whether an email is rejected or sent where the limiter cannot be asked.
        clock: The time.
        deadlines: Keeps the deadlines of what the limiter is asked.
        notes: Where a place is given back that nobody waits for.
    """

    def __init__(  # noqa: PLR0913 - what the connectors of a mailer share
        self,
        limiter: RateLimiter,
        name: str,
        rate: Rate,
        on_failure: Literal["reject", "send"],
        *,
        clock: Clock,
        deadlines: Deadlines,
        notes: Notes,
    ) -> None:
        self._limiter = limiter
        self._name = name
        self._rate = rate
        self._on_failure = on_failure
        self._clock = clock
        self._deadlines = deadlines
        self._notes = notes
        # Of a class derived from it, `take` may do more.
        self._memory = limiter if type(limiter) is MemoryRateLimiter else None
        self._returnable = limiter if isinstance(limiter, ReturnableRates) else None

    def take_now(self) -> Taken | None:
        """Take a place, and return its name, if there is one and nothing has to be awaited.

        Nearly all mailers count in this process, where a coroutine and a deadline of its own would
        cost each email more than the count.
        """
        if self._memory is None:
            return None
        now = self._clock.monotonic()
        return None if self._memory.take_at(self._name, self._rate, now) else now

    async def take(self) -> tuple[float, Taken]:
        """Take a place; see `ReturnableRates.reserve`.

        Raises:
            SendError: The limiter failed.
        """
        try:
            if self._memory is not None:
                now = self._clock.monotonic()
                return self._memory.take_at(self._name, self._rate, now), now
            if self._returnable is None:
                return seconds_told(await self._limiter.take(self._name, self._rate)), UNNAMED
            wait, place = await self._returnable.reserve(self._name, self._rate)
            return seconds_told(wait), place
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            tolerate(_("rate limiter"), error, self._on_failure)
            return 0.0, UNNAMED

    def give_back(self, place: Taken) -> None:
        """Return a place, whose email the connector was not given."""
        if isinstance(place, float):
            if self._memory is not None:
                self._memory.give_back_at(self._name, place)
        elif place and self._returnable is not None:
            self._notes.begin(self._return(self._returnable, place))

    async def _return(self, limiter: ReturnableRates, place: str) -> None:
        try:
            with self._deadlines.until(self._clock.monotonic() + _GIVING_BACK):
                await limiter.give_back(self._name, place)
        except Exception as error:  # noqa: BLE001 - the email's own error says more
            what = describe_defect(error)
            log.debug("a place of a rate stays taken although its email was not sent: %s", what)
