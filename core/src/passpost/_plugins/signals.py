"""Telling what a signal handler of the application raised from what a plugin raised."""

from __future__ import annotations

import signal
import threading
from types import CodeType

from passpost._plugins.defects import frames_of


def raised_by_signal(error: BaseException) -> bool:
    """Return whether a signal handler raised an exception, whatever code it struck in.

    It may be of any class: that of ``sys.exit`` at SIGTERM, or one for the end of a task's time.
    A handler is recognized if it is a function or a method.
    """
    if not on_main_thread():
        return False
    # Each failed attempt asks: `valid_signals` takes twice as long as all the rest.
    handlers = {_code(signal.getsignal(number)) for number in range(1, signal.NSIG)}
    return any(code in handlers for code, _line in frames_of(error))


def on_main_thread() -> bool:
    """Return whether the caller runs on the main thread, the only one that handles signals."""
    return threading.current_thread() is threading.main_thread()


def _code(handler: object) -> CodeType | None:
    return getattr(getattr(handler, "__func__", handler), "__code__", None)
