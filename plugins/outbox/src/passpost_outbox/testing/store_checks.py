"""What the contract of stores puts into them, and how each of its tests runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final

import attrs

from passpost_outbox.records import Record, Result
from passpost_outbox.store import OutboxStore

LEASE: Final = 60_000
MANY: Final = 40
ACCEPTED: Final = Result(
    state="accepted", connector="smtp", message_id="<é@example.com>", provider_id="7", scope=None
)
_PATIENCE: Final = 60.0
_IDS: Final = count()

Connect = Callable[[], OutboxStore]
Check = Callable[[OutboxStore, OutboxStore], Awaitable[None]]


async def put(  # noqa: PLR0913 - what a record has, and how it is put
    store: OutboxStore,
    *,
    body: bytes = b"body",
    left: int = 60_000,
    usage: str = "SignIn",
    recipient: str = "hash",
    supersedes: tuple[str, str] | None = None,
    **rest: Any,
) -> Record:
    """Put a record with a body into a store, and return it as it is there."""
    now = await store.now()
    record = Record(
        id=f"id-{next(_IDS)}",
        usage=usage,
        priority=rest.pop("priority", 50),
        queued_at=now,
        deadline=now + left,
        recipient=recipient,
        shown="a…@example.com",
        fingerprint="print",
    )
    return await store.put(attrs.evolve(record, **rest), body, supersedes=supersedes)


def check_with(connect: Connect, check: Check) -> None:
    """Run a check with two connections to one store."""

    async def run() -> None:
        one, other = connect(), connect()
        try:
            await asyncio.wait_for(check(one, other), _PATIENCE)
        finally:
            await one.aclose()
            await other.aclose()

    asyncio.run(run())
