"""Crashes in the middle of a connector: something happens at one of the steps that its code takes.

A step is a call of a function, and each time that a coroutine goes on after it waited.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging
import sys
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from passpost._plugins import defects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

MOST: Final = 40
"""Steps of one connector at which a check lets it crash."""


class Crash(Exception):  # noqa: N818 - a stand-in for any mistake
    """A mistake in the connector's code."""


def crash() -> None:
    """Make the mistake.

    Raises:
        Crash: Always.
    """
    raise Crash


class Steps:
    """The steps that code in some folders takes, in all threads.

    Args:
        folders: Where its files are; a file is one, too.

    Attributes:
        taken: How many there were so far.
    """

    def __init__(self, *folders: str) -> None:
        self._folders = folders
        self.taken = 0

    @contextlib.contextmanager
    def strike(self, number: int, act: Callable[[], object]) -> Iterator[None]:
        """Call a function at one of the steps, counted from 1; at none for 0."""
        self.taken = 0

        def watch(frame: FrameType, event: str, _: Any) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(self._folders):
                self.taken += 1
                if self.taken == number:
                    act()

        former = sys.getprofile()
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            yield
        finally:
            sys.setprofile(former)
            threading.setprofile(None)


def steps_of(plugin: Any) -> Steps:
    """Return the steps of a connector, with those of the HTTP client that it may use."""
    module = plugin if inspect.ismodule(plugin) else sys.modules[type(plugin).__module__]
    top = sys.modules[module.__name__.partition(".")[0]]
    file = str(getattr(top, "__file__", None) or module.__file__)
    folders = [str(Path(file).parent) if hasattr(top, "__path__") else file]
    clients = (find_spec("httpcore"), find_spec("passpost_http"))
    folders += [str(Path(client.origin).parent) for client in clients if client and client.origin]
    return Steps(*folders)


def spread(steps: int, most: int = MOST) -> list[int]:
    """Return the numbers of some steps, over all of them."""
    return sorted({1 + number * steps // most for number in range(most)}) if steps else []


@contextlib.contextmanager
def litter_ignored() -> Iterator[None]:
    """Let nobody complain of what code leaves behind that crashed: open sockets, coroutines."""
    former = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    # The log and the report of defects keep the frames of exceptions, and these the sockets.
    disabled, watchers = logging.root.manager.disable, tuple(defects.watchers)
    logging.disable()
    defects.watchers.clear()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
            # What one round takes apart, as a coroutine that is closed, frees more for the next.
            for _ in range(5):
                gc.collect()
    finally:
        defects.watchers.extend(watchers)
        logging.disable(disabled)
        sys.unraisablehook = former
