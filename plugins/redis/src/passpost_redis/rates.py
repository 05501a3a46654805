"""How many emails each connector was given, for a fleet."""

from __future__ import annotations

from typing import Final

from passpost import Finding
from passpost.stores import Rate
from passpost_redis.checking import check
from passpost_redis.server import RedisServer

# A list of the times, in microseconds, at which the last places were taken. The oldest one that
# still counts decides: no window, wherever it begins, holds more than the rate.
_TAKE: Final = """
local emails, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local oldest = redis.call('LINDEX', KEYS[1], -emails)
local wait = oldest and tonumber(oldest) + window - now or 0
if wait > 0 then return {string.format('%.0f', wait), ''} end
local place = string.format('%.0f', now)
redis.call('RPUSH', KEYS[1], place)
redis.call('LTRIM', KEYS[1], -emails, -1)
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
return {'0', place}
"""

# Two places of one microsecond are as good as each other.
_GIVE_BACK: Final = "return redis.call('LREM', KEYS[1], -1, ARGV[1])"


class RedisRates:
    """Counts in Redis what each connector is given, by the server's clock.

    Any window of a rate's length holds at most its emails, over all processes. A reply that is
    lost may take two places, and never gives one that is not there.

    Args:
        server: The server.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def take(self, name: str, rate: Rate) -> float:
        """Take one place; see `passpost.stores.RateLimiter.take`.

        Raises:
            StoreError: The server cannot be asked.
        """
        wait, _place = await self.reserve(name, rate)
        return wait

    async def reserve(self, name: str, rate: Rate) -> tuple[float, str]:
        """Take one place; see `passpost.stores.ReturnableRates.reserve`.

        Raises:
            StoreError: The server cannot be asked.
        """
        window = rate.seconds * 1_000_000
        wait, place = await self._server.run(_TAKE, _name(name), rate.emails, window)
        return float(wait) / 1_000_000, place

    async def give_back(self, name: str, place: str) -> None:
        """Return one place; see `passpost.stores.ReturnableRates.give_back`.

        Raises:
            StoreError: The server cannot be asked.
        """
        await self._server.run(_GIVE_BACK, _name(name), place)

    async def check(self) -> list[Finding]:
        """Return what a check of the server finds.

        Raises:
            StoreError: The server cannot be asked.
        """
        return await check(self._server)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._server.aclose()


def _name(name: str) -> str:
    return f"rate:{name}"
