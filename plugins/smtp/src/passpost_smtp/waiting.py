"""The queue of emails that wait for a connection, each until its deadline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from passpost.wire import Alarm
from passpost_smtp.errors import SmtpError

if TYPE_CHECKING:
    from passpost_smtp.pooled_connection import PooledConnection

Waiter = asyncio.Future["PooledConnection"]


class Waiting:
    """Emails that wait, first come first served.

    Args:
        loop: The loop they wait on.
        overdue: Says what kept an email waiting until its deadline.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, overdue: Callable[[], SmtpError]) -> None:
        self._loop = loop
        self._overdue = overdue
        self._queue: deque[tuple[Waiter, float, bool]] = deque()
        self._alarm = Alarm(self._ring)

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, deadline: float, *, alone: bool = False) -> Waiter:
        """Return a future of the connection; it fails at a deadline in the loop's time."""
        waiter: Waiter = self._loop.create_future()
        self._queue.append((waiter, deadline, alone))
        self._alarm.ring_by(deadline)
        return waiter

    def serve(self, pooled: PooledConnection, *, following: bool = False) -> bool:
        """Hand a connection to the email that has waited longest.

        Args:
            pooled: The connection.
            following: Whether another email is still on it.

        Returns:
            Whether somebody takes it.
        """
        while self._queue:
            waiter, _, alone = self._queue[0]
            if alone and following:
                return False
            self._queue.popleft()
            if not waiter.done():
                pooled.users += 1
                waiter.set_result(pooled)
                return True
        return False

    def fail(self, make: Callable[[], BaseException]) -> None:
        """Fail everybody who waits, each with an exception of its own."""
        queue, self._queue = self._queue, deque()
        for waiter, _, _ in queue:
            if not waiter.done():
                waiter.set_exception(make())

    def leave(self, waiter: Waiter) -> None:
        """Remove a future from the queue."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not waiter)

    def close(self) -> None:
        """Stop the timer."""
        self._alarm.stop()

    def _ring(self) -> None:
        now = self._loop.time()
        queue, self._queue = self._queue, deque()
        for waiter, deadline, alone in queue:
            if deadline > now:
                self._queue.append((waiter, deadline, alone))
            elif not waiter.done():
                waiter.set_exception(self._overdue())
        if self._queue:
            self._alarm.ring_by(min(deadline for _, deadline, _ in self._queue))
