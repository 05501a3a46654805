"""Who was written to, for a fleet."""

from __future__ import annotations

from typing import Final

from passpost import Finding
from passpost_redis.checking import check
from passpost_redis.server import RedisServer

_BEGIN: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
-- The owner asks again whose first reply was lost.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""

_GIVE_BACK: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisCooldowns:
    """Remembers who was written to in Redis, by the server's clock.

    Args:
        server: The server.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def begin(self, key: str, seconds: float, *, owner: str) -> float:
        """Begin a cooldown; see `passpost.stores.Cooldowns.begin`.

        Raises:
            StoreError: The server cannot be asked.
        """
        milliseconds = max(1, round(seconds * 1_000))
        left = await self._server.run(_BEGIN, _name(key), owner, milliseconds)
        return float(left) / 1_000

    async def give_back(self, key: str, *, owner: str) -> None:
        """End a cooldown whose email was not sent; one of another owner stays.

        Raises:
            StoreError: The server cannot be asked.
        """
        await self._server.run(_GIVE_BACK, _name(key), owner)

    async def check(self) -> list[Finding]:
        """Return what a check of the server finds.

        Raises:
            StoreError: The server cannot be asked.
        """
        return await check(self._server)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._server.aclose()


def _name(key: str) -> str:
    return f"cooldown:{key}"
