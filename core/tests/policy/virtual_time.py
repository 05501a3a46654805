"""An event loop whose time passes only while it has nothing to do, and then at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_BEGINNING = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class _Selector(selectors.DefaultSelector):
    """Moves the time on instead of waiting for it."""

    now = 1_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        found = super().select(0)
        if not found and timeout:
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


class VirtualClock:
    """The clock of a `VirtualLoop`; its wall clock can be stepped.

    Attributes:
        step: Seconds that the wall clock is wrong by.
    """

    def __init__(self) -> None:
        self.step = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> dt.datetime:
        return _BEGINNING + dt.timedelta(seconds=self.monotonic() + self.step)

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        await asyncio.sleep(seconds)


class WatchedClock(VirtualClock):
    """The clock of one email, which sees what it waits for.

    Args:
        over: The email's deadline.
        wrong: Where it is noted what must not be.
    """

    def __init__(self, over: float, wrong: list[str]) -> None:
        super().__init__()
        self._over, self._wrong = over, wrong

    async def sleep(self, seconds: float) -> None:
        if self.monotonic() + seconds > self._over:
            self._wrong.append(f"waits {seconds:.2f} s, past its deadline")
        await super().sleep(seconds)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
