"""Runs synchronous hooks in threads, a limited number at a time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable
from typing import Any, Final

import anyio
import anyio.to_thread

from passpost._phrases import _
from passpost.errors import SendError

THREADS: Final = 40
"""Threads that one synchronous connector may use at a time; more sends wait for one of them."""


class Threads:
    """The threads of one synchronous connector.

    Each connector has places of its own: one that hangs takes neither the threads of another nor
    those of the application, which share anyio's default limiter.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(THREADS)
        # The places limit the threads; anyio's own limiter would free a place too early.
        self._unlimited = anyio.CapacityLimiter(math.inf)

    async def prepare(self) -> ThreadCall:
        """Wait for a place, and return the call that has to be run there, or withdrawn."""
        await self._places.acquire()
        return ThreadCall(self._places, self._unlimited)


class ThreadCall:
    """One call, begun by its thread or withdrawn by its caller: by whichever is first.

    Its place is free again when the thread is done, also if nobody waits for it any more.
    """

    def __init__(self, places: asyncio.Semaphore, limiter: anyio.CapacityLimiter) -> None:
        self._places = places
        self._limiter = limiter
        self._loop = asyncio.get_running_loop()
        self._first = threading.Lock()
        self.withdrawn = False

    def withdraw(self) -> None:
        """Release the place, unless the call has begun."""
        if self._first.acquire(blocking=False):
            self.withdrawn = True
            self._places.release()

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function in a thread; if it is cancelled before it began, it never begins.

        Raises:
            SendError: No thread can be started.
            Exception: Whatever the function raised.
        """
        try:
            result, error = await anyio.to_thread.run_sync(
                self._call, function, args, abandon_on_cancel=True, limiter=self._limiter
            )
        except RuntimeError as failure:
            # The function's own errors are returned: this one says that no thread can be started,
            # as while the interpreter exits.
            self.withdraw()
            what = str(failure)
        except BaseException:
            self.withdraw()
            raise
        else:
            if error is not None:
                raise error
            return result
        raise SendError(
            _("the connector got no thread: {what}", what=what),
            outcome="rejected",
            scope="provider",
            temporary=True,
            provider_code="passpost.threads",
        )

    def _call(
        self, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> tuple[Any, BaseException | None]:
        if not self._first.acquire(blocking=False):
            return None, None
        try:
            return function(*args), None
        # Returned, not raised: a future cannot carry GeneratorExit and its like to a task.
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            return None, error
        finally:
            # The loop may have ended since: then nobody waits for a place.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._places.release)
