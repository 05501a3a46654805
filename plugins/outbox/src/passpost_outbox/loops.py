"""An event loop in a background thread, for callers that block."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")

_PATIENCE: Final = 1.0
"""Seconds that what is still under way has to end when the loop does."""


class LoopThread:
    """Runs coroutines for all threads of a process; a child of a fork starts a loop of its own.

    Args:
        name: The thread's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        # By process: a thread does not survive a fork, and a lock may be held when it happens.
        self._loops: dict[int, asyncio.AbstractEventLoop] = {}
        self._locks: dict[int, threading.RLock] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns, or raise what it raises."""
        future = self.begin(work)
        try:
            return future.result()
        except BaseException:
            # A caller that was interrupted waits no longer.
            future.cancel()
            raise

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the background; the future has what it returns."""
        # Within the lock: what is handed over before the loop ends is begun, and ends with it.
        with self._lock():
            return asyncio.run_coroutine_threadsafe(work, self._loop())

    def stop(self, last: Coroutine[Any, Any, Any]) -> None:
        """Run a last coroutine, and end the thread, if there is one; the next call starts it."""
        with self._lock():
            loop = self._loops.pop(os.getpid(), None)
        if loop is None:
            last.close()
            return
        try:
            asyncio.run_coroutine_threadsafe(last, loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)

    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self._loops.get(os.getpid())
        if loop is None:
            loop = self._loops[os.getpid()] = asyncio.new_event_loop()
            # A daemon: an application need not close what uses it.
            threading.Thread(target=_serve, args=(loop,), name=self._name, daemon=True).start()
        return loop

    def _lock(self) -> threading.RLock:
        # A signal handler may close what its own thread uses.
        return self._locks.setdefault(os.getpid(), threading.RLock())


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        if tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            # An engine may ignore that.
            loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
    finally:
        loop.close()
