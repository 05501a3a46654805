"""What has to be noted of a send at its end, even if its caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from passpost._plugins.interruptions import note_unsent
from passpost.errors import outcome_of


class Notes:
    """Notes that are being written: each is finished, whatever becomes of its caller.

    Attributes:
        closing: Whether the mailer waits for them to end.
    """

    def __init__(self) -> None:
        self.closing = False
        self._writing: set[asyncio.Task[None]] = set()

    def begin(self, note: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine to its end, for which nobody has to wait.

        Args:
            note: What notes something; it raises nothing.
        """
        task = asyncio.create_task(note)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def write(
        self, note: Coroutine[Any, Any, None], seconds: float, end: BaseException | None = None
    ) -> None:
        """Run a coroutine to its end, and wait for it.

        Args:
            note: What notes something; it raises nothing.
            seconds: How long the caller waits, unless it is cancelled.
            end: The error that the send ended with.
        """
        task = self.begin(note)
        try:
            await asyncio.wait({task}, timeout=seconds)
        except BaseException as interruption:
            # It takes the place of the error, and nothing was sent all the same.
            if end is not None and nothing_was_sent(end):
                note_unsent(interruption)
            raise

    async def wait_until_written(self) -> None:
        """Wait for the notes whose callers did not."""
        self.closing = True
        await asyncio.gather(*self._writing, return_exceptions=True)


def nothing_was_sent(error: BaseException) -> bool:
    """Return whether no email was sent by a send that ended with this error or interruption."""
    return outcome_of(error) == "rejected"
