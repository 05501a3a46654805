"""The sweeper: ends what nobody else ends, and publishes what was lost."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, TypeVar

import attrs

from passpost.stores import StoreError
from passpost_outbox.engine import Publisher
from passpost_outbox.records import Abandon, Expire, Publish, Record, State
from passpost_outbox.store import Change, OutboxStore

T = TypeVar("T")
log: Final = logging.getLogger("passpost.outbox")

_BATCH: Final = 500
_PURGED: Final = 1000
"""Records that one step deletes: few enough that others need not wait for it."""
_TOGETHER: Final = 20
"""Emails that are published at a time."""
_TERMS: Final = 3
"""Sweeps that a leader may miss before another one leads."""


@attrs.frozen
class Swept:
    """What a sweep did.

    Attributes:
        expired: Emails whose deadline passed before anyone took them.
        abandoned: Emails that are ``unknown``, since their worker vanished.
        resent: Emails whose worker vanished, and which will be sent once more.
        purged: Records that were deleted.
        published: Emails that nobody took, and of which the engine was told again.
    """

    expired: int = 0
    abandoned: int = 0
    resent: int = 0
    purged: int = 0
    published: int = 0


class Sweeper:
    """Expires what is overdue, ends dead leases as ``unknown``, and deletes old records.

    With an engine, it also publishes again what nobody took.

    Args:
        store: The store.
        every: Seconds between two sweeps.
        keep: Seconds that records in a final state are kept.
        publisher: Tells an engine again of emails that nobody took.
    """

    def __init__(
        self,
        store: OutboxStore,
        *,
        every: float,
        keep: float,
        publisher: Publisher | None = None,
    ) -> None:
        self._store = store
        self._every = every
        self._keep = keep
        self._publisher = publisher
        self._owner = secrets.token_hex(8)

    async def run(self, stopping: asyncio.Event) -> None:
        """Sweep again and again, until an event is set."""
        while not stopping.is_set():
            try:
                await self.sweep()
            except StoreError as error:
                log.error("the outbox cannot be swept: %s", error)  # noqa: TRY400 - the text says it all
            except Exception as error:  # noqa: BLE001 - a defect of a store must not end the worker
                log.error("the outbox cannot be swept: %s", type(error).__name__)  # noqa: TRY400 - its text may be anything
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._every)

    async def sweep(self) -> Swept | None:
        """Sweep once, and return what was done; None where another worker sweeps.

        Raises:
            StoreError: The store cannot be asked.
        """
        term = int(self._every * _TERMS * 1000)
        if not await self._store.lead(self._owner, term):
            return None
        ended = await self._end()
        purged = await self._purge()
        if ended:
            states = ", ".join(f"{number} {state}" for state, number in sorted(ended.items()))
            log.warning("swept: %s", states)
        published = 0 if self._publisher is None else await self._publish(self._publisher)
        return Swept(ended["expired"], ended["unknown"], ended["queued"], purged, published)

    async def sweep_once(self) -> Swept | None:
        """Sweep, and let another worker sweep from now on; see `sweep`."""
        swept = await self.sweep()
        if swept is not None:
            await self._store.lead(self._owner, 0)
        return swept

    async def _end(self) -> Counter[State]:
        """End dead leases and what is overdue, for no longer than until the next sweep.

        Returns:
            How many records reached each state.
        """
        loop = asyncio.get_running_loop()
        over = loop.time() + self._every
        ended: Counter[State] = Counter()
        while records := await self._store.due(_BATCH):
            before = ended.total()
            changes = await _all(map(self._end_one, records))
            # Meanwhile its worker may have finished it.
            ended.update(change.record.state for change in changes if change is not None)
            if ended.total() == before or loop.time() >= over:
                break
        return ended

    async def _end_one(self, record: Record) -> Change | None:
        event = Expire() if record.state == "queued" else Abandon()
        return await self._store.apply(record.id, event)

    async def _purge(self) -> int:
        """Delete old records, for no longer than until the next sweep, and return their number."""
        loop = asyncio.get_running_loop()
        over = loop.time() + self._every
        purged = 0
        while deleted := await self._store.purge(age=int(self._keep * 1000), limit=_PURGED):
            purged += deleted
            if deleted < _PURGED or loop.time() >= over:
                break
        return purged

    async def _publish(self, publisher: Publisher) -> int:
        """Publish what nobody took, for no longer than until the next sweep."""
        loop = asyncio.get_running_loop()
        over = loop.time() + self._every
        published = 0
        while loop.time() < over and not publisher.is_resting:
            records = await self._store.stale(_TOGETHER)
            told = await _all(self._tell(publisher, record) for record in records)
            published += told.count(True)
            if not records or False in told:
                # The rest would fail as well, and is still due at the next sweep.
                break
        if published:
            log.info("swept: %d published again", published)
        return published

    async def _tell(self, publisher: Publisher, record: Record) -> bool | None:
        """Return whether the engine was told; None where it need not be."""
        # Noted first, so that an email that others publish as well is published once.
        change = await self._store.apply(record.id, Publish(publisher.again))
        if change is None:
            # If its deadline has passed since it was looked for, it would be found again and again.
            await self._store.apply(record.id, Expire())
            return None
        if publisher.will_come(record):
            return None
        left = (record.deadline - change.now) / 1000
        return await publisher.publish(record.id, seconds_left=left, priority=record.priority)


async def _all(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what calls return that are under way at the same time.

    If one fails, its error is raised after the others have ended: a store that is closed then is
    not asked any more.
    """
    ended = await asyncio.gather(*calls, return_exceptions=True)
    returned: list[T] = []
    for one in ended:
        if isinstance(one, BaseException):
            raise one
        returned.append(one)
    return returned
