"""What `passpost check --connect` says of a server: can it be reached, and what does it forget?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from passpost import Finding
from passpost.stores import StoreError
from passpost_redis.server import RedisServer, _

_STORE: Final = _("store")
_KEPT: Final = _("Set `maxmemory-policy noeviction`: a key that Redis removes can be sent again.")
_DURABLE: Final = _("Set `appendonly yes` and `appendfsync always`.")


async def check(server: RedisServer) -> list[Finding]:
    """Return what is found.

    Raises:
        StoreError: The server cannot be asked.
    """
    # As the stores ask it, with the permissions that they need.
    await server.run("return 1", "check")
    found = [Finding(_STORE, "ok", _("{server} replies", server=server), id="store.reachable")]
    try:
        facts = await server.facts()
    except StoreError:
        facts = {}
    return [*found, *_of(facts)]


def _of(facts: Mapping[str, str]) -> Iterator[Finding]:
    policy, log = facts.get("maxmemory-policy"), facts.get("appendonly")
    if policy is None or log is None:
        what = _("its settings cannot be read, so what it forgets is unknown")
        remedy = _("Permit `+info` and `+config|get`, or look at its settings yourself.")
        yield Finding(_STORE, "warning", what, remedy, "store.hidden")
        return
    what = _("maxmemory-policy is {policy}", policy=policy)
    if policy == "noeviction":
        yield Finding(_STORE, "ok", what, id="store.eviction")
    else:
        yield Finding(_STORE, "error", what, _KEPT, "store.eviction")
    if log != "yes":
        what = _("appendonly is {value}: a restart loses keys", value=log)
        yield Finding(_STORE, "warning", what, _DURABLE, "store.durability")
        return
    what = _("appendfsync is {value}", value=facts.get("appendfsync", "everysec"))
    yield Finding(_STORE, "ok", what, id="store.durability")
