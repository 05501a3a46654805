"""Deadlines of many sends at a time, kept by one timer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import cast


class Deadlines:
    """Cancels what is not over in time, as `asyncio.timeout` does, with one timer for everything.

    A timer that is made and cancelled for each mail costs more than all else that the host does for
    it. Here the timer is set for the first deadline, and left alone while mails come and go: when
    it rings, it is set for whichever comes first by then.
    """

    def __init__(self) -> None:
        self._running: dict[Limit, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def until(self, when: float) -> Limit:
        """Give a context whose block is cancelled at that time of the running loop's clock."""
        return Limit(self, when)

    def close(self) -> None:
        """Forget the timer; nothing may be running any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin(self, limit: Limit) -> None:
        """Watch over a block that begins."""
        self._running[limit] = None
        if self._timer is None or limit.when < self._rings_at:
            self._set(limit.when)

    def end(self, limit: Limit) -> None:
        """Forget a block that is over."""
        self._running.pop(limit, None)

    def _set(self, when: float) -> None:
        self.close()
        self._rings_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for limit in [limit for limit in self._running if limit.when <= now]:
            del self._running[limit]
            limit.expire()
        if self._running:
            self._set(min(limit.when for limit in self._running))


class Limit:
    """A block with a deadline: ``with deadlines.until(when):`` around what is awaited.

    Raises:
        TimeoutError: On leaving the block, if it was cancelled for being late.
    """

    __slots__ = ("_cancelling", "_deadlines", "_expired", "_task", "when")

    def __init__(self, deadlines: Deadlines, when: float) -> None:
        self.when = when
        self._deadlines = deadlines
        self._expired = False

    def expire(self) -> None:
        """Cancel the block."""
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> None:
        self._task = cast("asyncio.Task[object]", asyncio.current_task())
        # Others may be cancelling the task already, or do so meanwhile; that is not ours to answer.
        self._cancelling = self._task.cancelling()
        self._deadlines.begin(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._deadlines.end(self)
        if self._expired and self._task.uncancel() <= self._cancelling and _is_cancelled(kind):
            raise TimeoutError from error


def _is_cancelled(kind: type[BaseException] | None) -> bool:
    return kind is not None and issubclass(kind, asyncio.CancelledError)
