"""Those who wait for a connection: in order, and each until its deadline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from passpost_smtp.errors import Failed, Verdict

if TYPE_CHECKING:
    from passpost_smtp.link import Link

Waiter = asyncio.Future["Link"]


class Waiting:
    """A queue of mails that wait.

    Args:
        loop: The loop they wait on.
        overdue: Says what kept a mail waiting until its deadline.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, overdue: Callable[[], Verdict]) -> None:
        self._loop = loop
        self._overdue = overdue
        self._queue: deque[tuple[Waiter, float]] = deque()
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, deadline: float) -> Waiter:
        """Stand in line until a deadline, in the loop's time."""
        waiter: Waiter = self._loop.create_future()
        self._queue.append((waiter, deadline))
        self._watch(deadline)
        return waiter

    def serve(self, link: Link) -> bool:
        """Give a connection to who has waited longest; False if nobody waits."""
        while self._queue:
            waiter, _ = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(link)
                return True
        return False

    def fail(self, make: Callable[[], BaseException]) -> None:
        """Give all who wait the same bad news, each as an exception of its own."""
        queue, self._queue = self._queue, deque()
        for waiter, _ in queue:
            if not waiter.done():
                waiter.set_exception(make())

    def leave(self, waiter: Waiter) -> None:
        """Step out of the line."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not waiter)

    def close(self) -> None:
        """Stop the alarm."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _watch(self, deadline: float) -> None:
        # One alarm rings for the first who has to give up, which costs less than one for each.
        if self._alarm is not None:
            if self._alarm.when() <= deadline:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = self._loop.time()
        queue, self._queue = self._queue, deque()
        for waiter, deadline in queue:
            if deadline > now:
                self._queue.append((waiter, deadline))
            elif not waiter.done():
                waiter.set_exception(Failed(self._overdue()))
        if self._queue:
            self._watch(min(deadline for _, deadline in self._queue))
