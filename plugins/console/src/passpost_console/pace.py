"""How many test emails a console sends."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock
from typing import Final

MOST: Final = 10
"""Tests in a minute, so that nobody is flooded with test emails."""

_MINUTE: Final = 60.0


class Pace:
    """Lets a few tests through in a minute."""

    def __init__(self) -> None:
        self._begun: deque[float] = deque(maxlen=MOST)
        self._lock = Lock()

    def allows(self) -> bool:
        """Return whether one more test may begin now, and note it."""
        now = time.monotonic()
        with self._lock:
            full = len(self._begun) == MOST and now - self._begun[0] < _MINUTE
            if not full:
                self._begun.append(now)
        return not full
