"""The lock under which plugins are imported: no two at once, and none while the process forks.

The child of a fork has one thread. Python's own lock of a module that another thread was importing
is held there for ever, so a fork waits for the import instead, as it does for ``logging``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PATIENCE: Final = 10.0
"""Seconds that a fork waits: a plugin that takes longer to import may never be done."""


class _Lock:
    """A lock that a fork takes first and gives back on both sides."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def before_fork(self) -> None:
        self.lock.acquire(timeout=_PATIENCE)

    def after_in_parent(self) -> None:
        # It is not this thread's where the wait was in vain.
        with contextlib.suppress(RuntimeError):
            self.lock.release()

    def after_in_child(self) -> None:
        try:
            self.lock.release()
        except RuntimeError:
            self.lock = threading.RLock()


_lock: Final = _Lock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.before_fork,
        after_in_parent=_lock.after_in_parent,
        after_in_child=_lock.after_in_child,
    )


@contextmanager
def loading() -> Iterator[None]:
    """Hold the lock while a plugin is imported; its thread may take it again."""
    with _lock.lock:
        yield
