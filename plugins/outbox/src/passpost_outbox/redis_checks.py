"""What a Redis server must promise to an outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from passpost import Finding
from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox.checking import failed
from passpost_redis import RedisServer, check_server

_ = Phrases("passpost_outbox")

Durability = Literal["always", "waitaof", "everysec", "unchecked"]

_WEAKER: Final = _("Change redis.conf, or choose a `durability` that promises less.")
_OLDER: Final = _("Use Redis 7.2 or newer, or `appendfsync always` and the durability `always`.")

_REQUIRED: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "always": {"appendonly": ["yes"], "appendfsync": ["always"]},
    "waitaof": {"appendonly": ["yes"]},
    "everysec": {"appendonly": ["yes"], "appendfsync": ["everysec", "always"]},
    "unchecked": {},
}
_WAITAOF: Final = (7, 2)
"""The first version of Redis that has the command."""


def require(durability: Durability, server: RedisServer, facts: Mapping[str, str]) -> None:
    """Compare a server with what was asked for.

    Args:
        durability: What was asked for.
        server: The server.
        facts: What it says of itself; a setting is missing where the user may not read it.

    Raises:
        StoreError: It promises less.
    """
    version = facts["version"]
    if durability == "waitaof" and _numbers(version) < _WAITAOF:
        old = _("{server} is of version {version}", server=str(server), version=version)
        raise StoreError(old, hint=_OLDER)
    for name, values in _REQUIRED[durability].items():
        found = facts.get(name, values[0])
        if found not in values:
            weaker = _(
                "{server} has `{name} {found}`, and the outbox requires `{value}`",
                server=str(server), name=name, found=found, value=values[0],
            )  # fmt: skip
            raise StoreError(weaker, hint=_WEAKER)


async def check(durability: Durability, server: RedisServer) -> list[Finding]:
    """Return what is found of a server.

    Raises:
        StoreError: It cannot be asked.
    """
    found = await check_server(server)
    try:
        require(durability, server, await server.facts())
    except StoreError as error:
        # In place of what it would say to stores that promise nothing.
        rest = [each for each in found if each.id != "store.durability"]
        return [*rest, failed(error, "store.durability")]
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
