"""The places that a connector's rate has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from passpost._delivery.once import tolerate
from passpost._phrases import _
from passpost._stores.failure import seconds_told
from passpost._stores.rate import MemoryRateLimiter

if TYPE_CHECKING:
    from passpost._stores.rate import Rate, RateLimiter


class Places:
    """The places of one connector.

    Args:
        limiter: Counts what the connectors are given.
        name: The connector's name.
        rate: How much it may be given.
        on_failure: Whether an email is rejected or sent where the limiter cannot be asked.
    """

    def __init__(
        self, limiter: RateLimiter, name: str, rate: Rate, on_failure: Literal["reject", "send"]
    ) -> None:
        self._take = partial(limiter.take, name, rate)
        self._on_failure = on_failure
        self._take_now = None
        # Of a class derived from it, `take` may do more.
        if type(limiter) is MemoryRateLimiter:
            self._take_now = partial(limiter.take_now, name, rate)

    def takes_now(self) -> bool:
        """Take a place, if there is one and nothing has to be awaited.

        Nearly all mailers count in this process, where a coroutine and a deadline of its own would
        cost each email more than the count.
        """
        return self._take_now is not None and not self._take_now()

    async def take(self) -> float:
        """Take a place; see `RateLimiter.take`.

        Raises:
            SendError: The limiter failed.
        """
        try:
            return seconds_told(await self._take())
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            tolerate(_("rate limiter"), error, self._on_failure)
            return 0.0
