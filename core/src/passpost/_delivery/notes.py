"""What has to be noted of a send at its end, even if its caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from passpost._plugins.interruptions import is_unsent
from passpost.errors import PasspostError, SendError


class Notes:
    """Notes that are being written: each is finished, whatever becomes of its caller."""

    def __init__(self) -> None:
        self._writing: set[asyncio.Task[None]] = set()

    async def write(self, note: Coroutine[Any, Any, None], seconds: float) -> None:
        """Run a coroutine to its end.

        Args:
            note: What notes something; it raises nothing.
            seconds: How long the caller waits for it, unless it is cancelled.
        """
        task = asyncio.create_task(note)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.wait({task}, timeout=seconds)

    async def wait_until_written(self) -> None:
        """Wait for the notes whose callers did not."""
        await asyncio.gather(*self._writing, return_exceptions=True)


def nothing_was_sent(error: BaseException) -> bool:
    """Return whether no email was sent by a send that ended with this error or interruption."""
    if isinstance(error, SendError):
        return error.outcome == "rejected"
    return isinstance(error, PasspostError) or is_unsent(error)
