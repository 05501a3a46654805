"""How often something may be done: test emails, and attempts to enter."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

from passpost_console.remembered import Latest

MOST: Final = 10
"""Tests in a minute, so that nobody is flooded with test emails."""

GUESSES: Final = 5
"""Wrong secrets in a minute from one address."""

ALL_GUESSES: Final = 60
"""Wrong secrets in a minute from all addresses."""

_MINUTE: Final = 60.0
_MOST_ADDRESSES: Final = 1_000

Clock = Callable[[], float]


class Pace:
    """Lets a few things through in a minute.

    Args:
        most: How many.
        clock: Returns the time in seconds.
    """

    def __init__(self, most: int = MOST, clock: Clock = time.monotonic) -> None:
        self._begun: deque[float] = deque(maxlen=most)
        self._clock = clock
        self._lock = Lock()

    def begin(self) -> float:
        """Note that one more begins, and return 0; else return the seconds left to wait."""
        now = self._clock()
        with self._lock:
            if len(self._begun) == self._begun.maxlen and now - self._begun[0] < _MINUTE:
                return self._begun[0] + _MINUTE - now
            self._begun.append(now)
        return 0.0

    def take_back(self) -> None:
        """Forget the latest one."""
        with self._lock:
            if self._begun:
                self._begun.pop()


class Guesses:
    """Limits wrong secrets, so that nobody finds a secret by trying.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._all = Pace(ALL_GUESSES, clock)
        self._each: Latest[Pace] = Latest(_MOST_ADDRESSES)

    def begin(self, address: str) -> float:
        """Note an attempt, and return 0; else return how many seconds are left to wait.

        It is noted before the secret is compared, so that attempts at once count as well.

        Args:
            address: Where it comes from.
        """
        own = self._each.get_or_keep(address, lambda: Pace(GUESSES, self._clock))
        if wait := own.begin():
            return wait
        if wait := self._all.begin():
            own.take_back()
        return wait

    def was_right(self, address: str) -> None:
        """Take back an attempt that was right."""
        for pace in (self._each.get(address), self._all):
            if pace is not None:
                pace.take_back()
