"""Locks of stores."""

from __future__ import annotations

import os
import threading


class ProcessLock:
    """A lock between the threads of a process, which a forked process begins with afresh.

    A thread may hold a lock when another one forks: in the child, nobody would release it.
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def here(self) -> threading.Lock:
        """Return the lock of this process."""
        return self._locks.setdefault(os.getpid(), threading.Lock())
