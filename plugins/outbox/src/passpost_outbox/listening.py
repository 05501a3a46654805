"""Tells of what a store did beside what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from passpost_outbox.store import Change

Listener: TypeAlias = Callable[[Change], object]


class Listened:
    """The base of stores that tell of emails which ended by the way.

    A newer email superseded them, a claim found them overdue, or their records cannot be read. No
    caller gets such a change as a result.
    """

    def __init__(self) -> None:
        # Each once, however often it is given.
        self._listeners: dict[Listener, None] = {}

    def listen(self, listener: Listener) -> None:
        """Call a function with each such change, after it was made. It must not raise."""
        self._listeners[listener] = None

    def notice(self, *changes: Change) -> None:
        """Tell of changes."""
        for listener in self._listeners:
            for change in changes:
                listener(change)
