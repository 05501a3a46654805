"""Telling an interruption from outside from one that a hook raised itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from passpost._genuine import is_really
from passpost._plugins.signals import on_main_thread, raised_by_signal
from passpost.errors import UNSENT


class Interruptions:
    """Recognizes what interrupts the current task from outside; the rest is a hook's own defect.

    A hook may raise what usually comes from outside: an SDK calls ``sys.exit``, a future that
    somebody cancelled is awaited. Such an exception must not pass for the caller's cancellation,
    nor end the process.

    Args:
        loop: The running loop, if it is known: to ask for it costs more than all the rest.

    Attributes:
        task: The current task.
    """

    __slots__ = ("_cancelling", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.task = asyncio.current_task(loop)
        self._cancelling = 0
        if self.task is not None:
            # A cancellation that has been requested and not been raised yet, as by a signal while
            # the task runs, is still to come. asyncio shows it in this attribute alone.
            to_come = getattr(self.task, "_must_cancel", False)
            self._cancelling = self.task.cancelling() - to_come

    def include(self, error: BaseException) -> bool:
        """Return whether an exception interrupts the task, and has to go on through it."""
        if is_really(error, asyncio.CancelledError):
            return self.task is not None and self.task.cancelling() > self._cancelling
        if is_really(error, GeneratorExit):
            # Python closes the coroutine of a task that nobody runs any more.
            return _current_task() is not self.task
        if is_really(error, KeyboardInterrupt):
            return on_main_thread()
        return raised_by_signal(error)


def renewed(error: BaseException, clean: Callable[[str], str]) -> BaseException:
    """Return an interruption without the frames that it came through, and with its text cleared.

    A hook may have raised a cancellation of its own class and words in place of the caller's.
    """
    if is_really(error, asyncio.CancelledError):
        return asyncio.CancelledError(*[clean(arg) for arg in error.args if is_really(arg, str)])
    error.__cause__ = error.__context__ = None
    return BaseException.with_traceback(error, None)


def note_unsent(error: BaseException) -> None:
    """Note on an interruption that no email was sent."""
    error.add_note(UNSENT)


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
