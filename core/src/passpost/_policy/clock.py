"""The one place where delivery reads the time and waits."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time, as delivery sees it; a simulation has its own."""

    def monotonic(self) -> float:
        """Return seconds that no step of the wall clock moves."""
        ...

    def now(self) -> dt.datetime:
        """Return the wall clock's time, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class LoopClock:
    """The time of the running event loop, which deadlines are kept in as well.

    Attributes:
        monotonic: Returns that time, in seconds; in another thread, that of its clock.
    """

    def __init__(self) -> None:
        self.monotonic: Callable[[], float] = self._look

    def now(self) -> dt.datetime:
        """Return the wall clock's time, in UTC."""
        return dt.datetime.now(dt.UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)

    def _look(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # The loops of asyncio and uvloop read the same clock of the system.
            return time.monotonic()
        if type(loop).time is asyncio.BaseEventLoop.time:
            # What it reads itself: to ask for the loop takes each email several times as long.
            self.monotonic = time.monotonic
        return loop.time()
