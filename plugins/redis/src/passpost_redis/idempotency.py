"""Which sends have begun and how they ended, for a fleet."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from typing import Any, Final

from passpost import Finding
from passpost.stores import Beginning, Begun, Ended, OtherContent, Record, Running
from passpost_redis.checking import check
from passpost_redis.server import RedisServer

_BEGIN: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'fingerprint', 'token', 'vanished', 'record')
if not found[1] then
  redis.call('HSET', KEYS[1], 'fingerprint', ARGV[1], 'token', ARGV[2],
    'vanished', string.format('%.0f', now + ARGV[3]))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'begun'}
end
if found[1] ~= ARGV[1] then return {'other'} end
if found[4] then return {'ended', found[4]} end
-- The owner asks again whose first reply was lost.
if found[2] == ARGV[2] then return {'begun'} end
if now >= tonumber(found[3]) then return {'vanished'} end
return {'running'}
"""

_FINISH: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[2])
return 1
"""

_FORGET: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisIdempotency:
    """Remembers sends in Redis, by the server's clock.

    A send is noted before its first attempt, in one step that one of all callers gets. Its owner
    alone can end it. What is stored are keyed hashes, and the receipt or the error.

    Args:
        server: The server.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server

    async def begin(
        self, key: str, fingerprint: str, *, running: float, kept: float, token: str | None = None
    ) -> Beginning:
        """Begin a send; see `passpost.stores.IdempotencyStore.begin`.

        Raises:
            StoreError: The server cannot be asked.
        """
        token = token or secrets.token_hex(8)
        state, *record = await self._server.run(
            _BEGIN, _name(key), fingerprint, token, round(running * 1_000), round(kept * 1_000)
        )
        if state == "begun":
            return Begun(token)
        if state == "other":
            return OtherContent()
        if state == "running":
            return Running()
        return Ended(_record(record[0]) if record else None)

    async def finish(self, key: str, token: str, record: Record) -> None:
        """Note how a send ended.

        Raises:
            StoreError: The server cannot be asked.
        """
        await self._server.run(_FINISH, _name(key), token, json.dumps(dict(record)))

    async def forget(self, key: str, token: str) -> None:
        """Free a key.

        Raises:
            StoreError: The server cannot be asked.
        """
        await self._server.run(_FORGET, _name(key), token)

    async def check(self) -> list[Finding]:
        """Return what a check of the server finds.

        Raises:
            StoreError: The server cannot be asked.
        """
        return await check(self._server)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._server.aclose()


def _record(text: str) -> Record:
    """Return a record; an empty one, from which no outcome can be read, if its text is damaged."""
    record: Any = {}
    with suppress(ValueError):
        record = json.loads(text)
    return record if isinstance(record, dict) else {}


def _name(key: str) -> str:
    return f"once:{key}"
