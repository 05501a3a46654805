"""What stores have in common: their error, the time of those in memory, and a process's lock."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from passpost._phrases import _

if TYPE_CHECKING:
    from passpost._policy.clock import Clock


class StoreError(Exception):
    """A store cannot be asked.

    Unlike that of other exceptions, its text is shown in errors and logs: it names the server or
    the file, and contains no password.

    Args:
        message: What is wrong, with the place of the store.
        hint: What to do about it, as a sentence.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def seconds_told(told: object) -> float:
    """Return the seconds that a store tells to wait.

    Raises:
        StoreError: It told something else.
    """
    # What is not a number compares to nothing.
    if not (isinstance(told, (int, float)) and told >= 0):
        raise StoreError(_("the store returned something else than its contract allows"))
    return float(told)


def default_clock() -> Clock:
    """Return the clock of the running event loop."""
    # It imports asyncio, which a program that only reads settings need not pay.
    from passpost._policy.clock import LoopClock  # noqa: PLC0415

    return LoopClock()


class ProcessLock:
    """A lock between the threads of a process, which a forked process begins with afresh.

    A thread may hold a lock when another one forks: in the child, nobody would release it.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def here(self) -> threading.Lock:
        """Return the lock of this process."""
        return self._locks.setdefault(os.getpid(), threading.Lock())
