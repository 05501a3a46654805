"""Deadlines of many sends at a time, kept by one timer."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Final, cast

from passpost._network.alarm import Alarm
from passpost._phrases import _
from passpost.errors import Scope, SendError

GRACE: Final = 0.5
"""Seconds past the deadline before a hook that did not keep it is cancelled: a connector knows
whether anything was sent, and gets the chance to say so."""

INSIST: Final = 1.0
"""Seconds until a block that swallowed its cancellation is cancelled again."""


_Task = asyncio.Task[Any]


class DeadlinePassedError(Exception):
    """A block was cancelled at its deadline. Never leaves passpost.

    Not a `TimeoutError`: a connector may raise that one for reasons of its own, the operating
    system's ETIMEDOUT among them.
    """


class Deadlines:
    """Cancels what is not over in time, as `asyncio.timeout_at` does, with one timer for all.

    Attributes:
        running: The blocks that are watched over.
        alarm: Rings when the first of them is late.
    """

    def __init__(self) -> None:
        self.running: Final[dict[Limit, None]] = {}
        self.alarm: Final = Alarm(self._ring)

    def until(self, when: float) -> Limit:
        """Return a context whose block is cancelled at that time of the running loop's clock."""
        return Limit(self, when)

    def until_after(self, deadline: float, task: _Task | None = None) -> Limit:
        """Return a context whose block is cancelled `GRACE` seconds after a deadline.

        Args:
            deadline: The deadline, in the running loop's time.
            task: The current task, if the caller has asked for it already.
        """
        return Limit(self, deadline + GRACE, task)

    def close(self) -> None:
        """Stop the timer; nothing may be running any more."""
        self.alarm.stop()

    def _ring(self) -> None:
        now = asyncio.get_running_loop().time()
        passed = [limit for limit in self.running if limit.when <= now]
        # A loop that was busy comes to several at once.
        for limit in sorted(passed, key=lambda limit: limit.when):
            limit.expire()
            limit.when = now + INSIST
        if self.running:
            self.alarm.ring_by(min(limit.when for limit in self.running))


class Limit:
    """A block with a deadline: ``with deadlines.until(when):`` around what is awaited.

    Raises:
        DeadlinePassedError: On leaving the block, if it was cancelled for being late.
    """

    __slots__ = ("_cancelling", "_cancels", "_deadlines", "_known_task", "_task", "when")

    def __init__(self, deadlines: Deadlines, when: float, task: _Task | None = None) -> None:
        self.when = when
        self._deadlines = deadlines
        self._known_task = task
        self._cancels = 0

    def expire(self) -> None:
        """Cancel the block."""
        self._cancels += 1
        self._task.cancel()

    def __enter__(self) -> None:
        self._task = self._known_task or cast("_Task", asyncio.current_task())
        # Others may be cancelling the task already, or do so meanwhile; that is not ours to answer.
        self._cancelling = self._task.cancelling()
        deadlines = self._deadlines
        deadlines.running[self] = None
        deadlines.alarm.ring_by(self.when)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._deadlines.running[self]
        if not self._cancels:
            return
        for _cancel in range(self._cancels):
            self._task.uncancel()
        ours = self._task.cancelling() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise DeadlinePassedError from error


def deadline_error(what: str, scope: Scope, *, temporary: bool = True) -> SendError:
    """Return the error of an email that was not sent because its deadline passed before that."""
    return SendError(
        _("the email's deadline passed before {what}", what=what),
        outcome="rejected",
        scope=scope,
        temporary=temporary,
    )
