"""One event loop in a background thread, which all blocking mailers of a process share.

A signal handler may raise in the main thread at any moment, and may use a mailer itself. A caller
therefore holds no lock: each of its steps is atomic, leaves nothing half done for the next caller,
and can be repeated. Whatever takes more than one step is done by the loop's thread, where no signal
handler runs.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from passpost._mailers.call import Call
from passpost._phrases import _
from passpost._plugins.defects import describe_defect
from passpost.errors import UNSENT, MailerClosedError, SendError

if TYPE_CHECKING:
    from passpost._mailers.async_mailer import AsyncMailer

T = TypeVar("T")
log: Final = logging.getLogger("passpost")

_PATIENCE: Final = 1.0
"""Seconds that tasks which connectors left behind have to end when the loop does."""


class LoopThread:
    """An event loop in a thread of its own: from the first call until the last mailer has closed.

    Attributes:
        mailers: Those in use; only the loop's thread changes them.
        over: Whether the loop takes no more calls. A process then goes on with the `successor`.
    """

    def __init__(self) -> None:
        self.mailers: set[AsyncMailer] = set()
        self.over = False
        self._calls: deque[Call[Any]] = deque()
        self._running: set[Call[Any]] = set()
        self._claim = _thread.allocate_lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._awake = True
        self._next: dict[str, LoopThread] = {}

    @property
    def successor(self) -> LoopThread:
        """The thread that takes the calls once this one is over: the same for all who ask."""
        return self._next.setdefault("", LoopThread())

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on this thread."""
        return self._thread is not None and self._thread.ident == threading.get_ident()

    def submit(self, call: Call[Any]) -> bool:
        """Hand over a call; returns whether the loop answers it, or has done so already."""
        self._calls.append(call)
        if self._thread is None:
            self._start()
        elif not self._awake:
            self.wake(self._take_calls)
        # An answer may come before the loop is over; afterwards none does.
        return not self.over or call.answered

    def abandon(self, call: Call[Any]) -> None:
        """Cancel a call that nobody waits for any more."""
        call.abandoned = True
        self.wake(call.cancel)

    def join(self) -> None:
        """Wait for the end of a thread that is over."""
        if self._thread is not None:
            self._thread.join()

    def wake(self, callback: Callable[[], None]) -> None:
        """Run a callback on the loop, if there still is one; nobody waits for it."""
        if self._loop is not None:
            # The loop may have closed meanwhile: then it is over, and nothing is left to do there.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(callback)

    def _start(self) -> None:
        # A thread that is interrupted in `Thread.start` leaves it half made: a raw thread, whose
        # start is one step and which no signal interrupts, does that. Callers may start several.
        try:
            _thread.start_new_thread(self._start_once, ())
        except RuntimeError as error:
            raise _cannot_start(error) from None

    def _start_once(self) -> None:
        if self._claim.acquire(blocking=False):
            try:
                threading.Thread(target=self._serve, name="passpost", daemon=True).start()
            except RuntimeError as error:
                self._finish(_cannot_start(error))

    # From here on: in the loop's thread.

    def _serve(self) -> None:
        self._thread = threading.current_thread()
        try:
            self._loop = loop = _new_event_loop()
        except OSError as error:
            self._finish(_cannot_start(error))
            return
        loop.set_default_executor(_Executor())
        loop.call_soon(self._take_calls)
        while not self.over:
            try:
                loop.run_until_complete(self._until_over())
            except BaseException as error:  # noqa: BLE001 - asyncio lets SystemExit end the loop
                what = describe_defect(error)
                log.error("a task on the event loop raised %s; the loop goes on", what)  # noqa: TRY400 - its frames may hold emails
        _close(loop)

    async def _until_over(self) -> None:
        # A task, not a future: anyio ends its worker threads with the loop's main task.
        await self._end.wait()

    def _take_calls(self) -> None:
        self._awake = True
        while self._calls and not self.over:
            call = self._calls.popleft()
            call.answered = True
            self._running.add(call)
            asyncio.get_running_loop().create_task(self._perform(call), context=call.context)
        # Calls that come in while these begin need not wake the loop.
        asyncio.get_running_loop().call_soon(self._rest)

    def _rest(self) -> None:
        self._awake = False
        # In this order: a caller either sees that the loop rests, or has its call seen here.
        if self._calls:
            self._take_calls()

    async def _perform(self, call: Call[Any]) -> None:
        try:
            if not call.abandoned:
                call.task = asyncio.current_task()
                call.result = await call.work()
        except BaseException as error:  # noqa: BLE001 - the caller's; here it would end the loop
            call.error = error
        self._running.remove(call)
        if not self._running and not self.mailers:
            self._finish()
        call.finish()

    def _finish(self, failure: Exception | None = None) -> None:
        """Take no more calls, and send those that wait away, to the successor."""
        self.over = self._awake = True
        self._end.set()
        while self._calls:
            call = self._calls.popleft()
            call.error, call.answered = failure, failure is not None
            call.finish()


class _Process:
    """What a process has of its own: a forked child begins with a new one."""

    def __init__(self) -> None:
        self.exiting = False
        self._thread = LoopThread()

    @property
    def thread(self) -> LoopThread:
        """The thread that takes calls."""
        while self._thread.over:
            self._thread = self._thread.successor
        return self._thread


_process = _Process()


def process() -> object:
    """Return what tells this process from those that it was forked from."""
    return _process


def run(
    work: Callable[[], Coroutine[Any, Any, T]], *, cancels: bool = True, sends: bool = False
) -> T:
    """Run work on the shared loop, and wait for it.

    Args:
        work: Makes the coroutine, on the loop.
        cancels: Whether an exception that interrupts the wait, as a signal does, cancels the work.
        sends: Whether the work sends an email: then such an exception gets a note of its outcome.

    Raises:
        RuntimeError: The caller is the loop's own thread, which would wait for itself.
        MailerClosedError: The interpreter is exiting.
        SendError: The thread cannot be started.
        BaseException: Whatever the work raised.
    """
    if sys.is_finalizing():
        # The loop's thread does not run any more.
        raise MailerClosedError(_("the interpreter is exiting"))
    while True:
        thread = _process.thread
        if thread.is_current:
            raise RuntimeError(
                "a blocking Mailer was called on passpost's own event loop, which would wait for "
                "itself: call it in another thread; a logging handler can be run in one by "
                "logging.handlers.QueueListener"
            )
        call = Call(work)
        try:
            if thread.submit(call):
                call.wait()
        except BaseException as interruption:
            if cancels:
                thread.abandon(call)
            if sends:
                doubt = "passpost: the email may have been sent"
                interruption.add_note(UNSENT if call.sent_nothing() else doubt)
            raise
        if call.answered:
            return call.outcome()


def call_soon(callback: Callable[[], None]) -> None:
    """Run a callback on the loop, which a mailer in use keeps running; nobody waits for it."""
    _process.thread.wake(callback)


def admit(mailer: AsyncMailer) -> bool:
    """Keep the loop running for a mailer; called on it. Returns whether the mailer is new to it.

    Raises:
        MailerClosedError: The interpreter is exiting.
    """
    mailers = _process.thread.mailers
    new = mailer not in mailers
    mailers.add(mailer)
    # Checked afterwards: anyone who closes the mailers sees either this one or none that is new.
    if new and _process.exiting:
        mailers.discard(mailer)
        raise MailerClosedError(_("the interpreter is exiting"))
    return new


def dismiss(mailer: AsyncMailer) -> None:
    """Keep the loop running for this mailer no longer; called on it."""
    _process.thread.mailers.discard(mailer)


def close(mailer: AsyncMailer) -> None:
    """Close a mailer that was admitted; the last one ends the thread. It can be repeated."""
    thread = _process.thread
    if mailer in thread.mailers:
        run(lambda: _close_mailer(mailer), cancels=False)
    if thread.over:
        thread.join()


async def _close_mailer(mailer: AsyncMailer) -> None:
    try:
        await mailer.aclose()
    finally:
        dismiss(mailer)


async def _close_mailers() -> None:
    mailers = tuple(_process.thread.mailers)
    await asyncio.gather(*map(_close_mailer, mailers), return_exceptions=True)


class _Executor(ThreadPoolExecutor):
    """What asyncio looks up hostnames with: daemon threads, and none where they cannot start.

    The standard one stops working as soon as the interpreter begins to exit, when threads that
    are not daemons may still send.
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - the caller's
                    future.set_exception(error)

        try:
            threading.Thread(target=work, name="passpost lookup", daemon=True).start()
        except RuntimeError:
            work()
        return future


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    # What a connector left behind may raise SystemExit once more.
    with contextlib.suppress(BaseException):
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
        loop.run_until_complete(asyncio.wait_for(loop.shutdown_asyncgens(), _PATIENCE))
    loop.close()


def _cannot_start(error: Exception) -> Exception:
    if not threading.main_thread().is_alive():
        return MailerClosedError(_("the interpreter is exiting"))
    return SendError(
        _("the event loop of the blocking mailers could not start: {error}", error=error),
        outcome="rejected",
        scope="network",
        temporary=True,
    )


def _close_at_exit() -> None:
    _process.exiting = True
    thread = _process.thread
    if thread.mailers:
        run(_close_mailers, cancels=False)
        thread.join()


def _begin_anew() -> None:
    # The parent's thread does not exist in the child, but its stack stays in memory, and keeps the
    # sessions: taking them apart here would close connections that the parent still uses.
    global _process  # noqa: PLW0603 - the one thing a fork replaces
    _process = _Process()


atexit.register(_close_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
