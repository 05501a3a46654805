"""Engines: queues of other projects, which bring the ID of an email to a worker.

A queue is told of an ID and of nothing else, and what it does with it decides nothing. A message
that comes twice ends in a claim that fails, and the sweeper repeats one that was lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final, Protocol

from passpost.stores import StoreError
from passpost_outbox.records import Record
from passpost_outbox.transactions import TransactionalEngine

log: Final = logging.getLogger("passpost.outbox")

PATIENCE: Final = 2.0
"""Seconds that an engine may take to publish, unless the application says otherwise."""

AGAIN: Final = 15.0
"""Seconds after which an email that nobody took is published again, unless it says otherwise."""


REST: Final = 5.0
"""Seconds for which an engine is not asked after it took too long: requests would queue up."""


class Engine(Protocol):
    """A queue. Its workers call `Worker.work_or_next`, or `BlockingWorker.begin`, with each ID.

    The IDs of several emails may share a message; see `SharedMessages`.

    `passpost_outbox.testing.OutboxEngineSuite` is this contract, as tests.
    """

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        """Bring an ID to a worker.

        It must not block the event loop. A call that takes longer than the outbox allows is
        cancelled, and counts as failed.

        Args:
            id_: The ID of the email. The queue has to contain nothing else of it.
            seconds_left: After these, the message is worth nothing.
            priority: The email's priority; lower ones come first.

        Raises:
            StoreError: The queue cannot be reached. The message may have been published.
        """
        ...


class Publisher:
    """Tells an engine of emails, in bounded time.

    Args:
        engine: The engine.
        timeout: Seconds that a call may take.
        again: Seconds after which an email that nobody took is published again.

    Raises:
        ValueError: A time is not positive.
    """

    def __init__(self, engine: Engine, timeout: float, again: float) -> None:
        if not min(timeout, again) > 0:
            raise ValueError("publish_timeout and republish must be greater than 0")
        self.again: Final = int(again * 1000)
        self.transactional: Final = engine if isinstance(engine, TransactionalEngine) else None
        self._engine = engine
        self._timeout = timeout
        self._rest_until = 0.0
        # By priority: when the newest email was queued whose ID came, and when an ID came last.
        self._came: dict[int, tuple[int, float]] = {}
        # An event loop keeps no reference to its tasks.
        self._late: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, engine: Engine | None, timeout: float, again: float) -> Publisher | None:
        """Return a publisher, or None where there is no engine."""
        return None if engine is None else cls(engine, timeout, again)

    @property
    def is_resting(self) -> bool:
        """Whether a call took too long a moment ago, so that others would wait in vain as well."""
        return time.monotonic() < self._rest_until

    def note(self, record: Record) -> None:
        """Note that the engine brought the ID of an email which was still to be sent."""
        newest, _last = self._came.get(record.priority, (0, 0.0))
        self._came[record.priority] = max(newest, record.queued_at), time.monotonic()

    def will_come(self, record: Record) -> bool:
        """Return whether the engine is busy with older emails, so that an ID waits for its turn.

        A long queue would grow by each ID that is published again.
        """
        newest, last = self._came.get(record.priority, (0, 0.0))
        was_told = record.publish_at > record.queued_at
        is_busy = time.monotonic() - last < self.again / 1000
        return was_told and is_busy and record.queued_at > newest

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> bool:
        """Publish an ID, and return whether the engine has it for sure."""
        if self.is_resting:
            return False
        call = self._call(id_, seconds_left, priority)
        task = asyncio.create_task(call)
        try:
            # Not `wait_for`: it waits until an engine has obeyed its cancellation.
            await asyncio.wait((task,), timeout=self._timeout)
        finally:
            if not task.done():
                self._leave(task)
        if not task.done():
            self._rest_until = time.monotonic() + REST
            log.warning("the engine was not told of %s within %g s", id_, self._timeout)
            return False
        return _succeeded(id_, task)

    async def aclose(self) -> None:
        """Close the engine's connections of this event loop, if it has a method for that."""
        close = getattr(self._engine, "aclose", None)
        if close is not None:
            await close()

    async def _call(self, id_: str, seconds_left: float, priority: int) -> None:
        await self._engine.publish(id_, seconds_left=seconds_left, priority=priority)

    def _leave(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        self._late.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        # Asked for, or asyncio logs it together with the frames.
        if not task.cancelled():
            task.exception()


def _succeeded(id_: str, task: asyncio.Task[None]) -> bool:
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is None:
        return True
    # The text of anything else may contain what it likes.
    what = error if isinstance(error, StoreError) else type(error).__name__
    log.warning("the engine was not told of %s: %s", id_, what)
    return False
