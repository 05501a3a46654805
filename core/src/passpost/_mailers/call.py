"""A caller's work on the event loop of another thread, and what came of it."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from passpost.errors import outcome_of

T = TypeVar("T")

_LAST_WORDS: Final = 1.0
"""Seconds for which a caller that was interrupted waits to learn what became of its work."""


class Call(Generic[T]):
    """One caller's work on the loop, and what came of it."""

    __slots__ = (
        "_done", "abandoned", "answered", "context", "error", "over", "result", "task", "work",
    )  # fmt: skip

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.work = work
        self.context = contextvars.copy_context()
        self.task: asyncio.Task[Any] | None = None
        self.abandoned = False
        self.answered = False
        self.over = False
        self.result: T
        self.error: BaseException | None = None
        # A bare lock: a future costs four times as much, and an interrupted wait leaves it whole.
        self._done = _thread.allocate_lock()
        self._done.acquire()

    def wait(self) -> None:
        """Wait until the loop's thread has finished with the call."""
        self._done.acquire()

    def sent_nothing(self) -> bool:
        """Return whether work that was abandoned sent no email; wait for its end, but not long."""
        # Abandoned before the loop came to it: the loop sees that when it does.
        if not self.answered:
            return True
        if not self.over and not self._done.acquire(timeout=_LAST_WORDS):
            return False
        return self.task is None or (
            self.error is not None and outcome_of(self.error) == "rejected"
        )

    def finish(self) -> None:
        """Let the waiting caller go on."""
        self.over = True
        self._done.release()

    def cancel(self) -> None:
        """Cancel the work, on the loop; what has not begun sees that it is abandoned."""
        if self.task is not None:
            self.task.cancel()

    def outcome(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self.error is None:
            return self.result
        try:
            raise self.error
        finally:
            # The traceback holds this frame: without this they would keep each other alive.
            self.error = None
