"""Keeps a connector's session open for as long as its mailer lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from passpost._genuine import is_really
from passpost.errors import MailerClosedError, SendError

CLOSING: Final = 10.0
"""Seconds that a session may take to close before it is cancelled."""

CANCELLING: Final = 1.0
"""Seconds that a session may take to end after it was cancelled; then it is left alone."""

NOT_OPEN: Final = object()
"""What `SessionHolder.current` is while there is no session: None is a session, too."""

OpenSession = Callable[[], AbstractAsyncContextManager[Any]]


class SessionHolder:
    """Opens a session when it is first needed, opens another when it dies, and closes it once.

    A task of its own owns each session from its opening to its end: a connector may use task groups
    and timeouts in the context, which must end in the task that began them, and a caller who is
    cancelled while the session opens does not take it from the callers who wait beside it. An
    opening that failed reaches all who wait for it, and the next caller tries again; so does the
    caller after a session whose task group failed in the background.

    Args:
        open_session: Returns the context manager.
        opening_failed: Turns what an opening raised into the error for those who wait.
        ended: Told what a session raised at its end, and whether it was being closed.
    """

    def __init__(
        self,
        open_session: OpenSession,
        opening_failed: Callable[[BaseException], SendError],
        ended: Callable[[BaseException, bool], None],
    ) -> None:
        self._open_session = open_session
        self._opening_failed = opening_failed
        self._ended = ended
        self._owner: _Owner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def current(self) -> Any:
        """The open session, or `NOT_OPEN`."""
        owner = self._owner
        return NOT_OPEN if owner is None or not owner.is_open else owner.session

    async def get(self) -> Any:
        """Return the session, opening it if need be.

        Raises:
            MailerClosedError: The holder was closed.
            SendError: The session cannot be opened.
        """
        if self._closed:
            raise MailerClosedError("the mailer is closed")
        if self._owner is None or self._owner.is_over:
            self._owner = _Owner(self._open_session, self._opening_failed, self._ended)
            task = asyncio.create_task(self._owner.own(), name="passpost session")
            self._owner.task = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await self._owner.wait()

    async def close(self) -> bool:
        """Close the session, if there is one; wait for `CLOSING` and `CANCELLING` at most.

        Returns:
            Whether all sessions ended; one that ignores its cancellation is left alone.
        """
        self._closed = True
        if self._owner is not None:
            self._owner.leave.set()
        if not self._tasks:
            return True
        _, late = await asyncio.wait(self._tasks, timeout=CLOSING)
        for task in late:
            task.cancel()
        if late:
            _, late = await asyncio.wait(late, timeout=CANCELLING)
        return not late


class _Owner:
    """One session from its opening to its end, owned by one task."""

    task: asyncio.Task[None]

    def __init__(
        self,
        open_session: OpenSession,
        opening_failed: Callable[[BaseException], SendError],
        ended: Callable[[BaseException, bool], None],
    ) -> None:
        self._open_session = open_session
        self._opening_failed = opening_failed
        self._ended = ended
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = 0
        self.session: Any = None
        self.leave = asyncio.Event()
        self.is_open = False
        self.is_over = False

    async def wait(self) -> Any:
        """Wait until the session is open.

        Raises:
            SendError: It cannot be opened, or ended before it could be used.
        """
        self._waiting += 1
        try:
            # Shielded: one caller's cancellation is not the others'.
            await asyncio.shield(self._opened)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._opened.done():
                # Nobody waits for this opening any more; the next caller deserves a new one. One
                # that swallows its cancellation leaves the session as soon as it is open.
                self.is_over = True
                self.leave.set()
                self.task.cancel()
        if not self.is_open:
            raise SendError(
                "the connector's session ended as soon as it was open",
                outcome="rejected",
                scope="network",
                temporary=True,
            )
        return self.session

    async def own(self) -> None:
        """Enter the context, keep it until `leave` is set or the session dies, and leave it."""
        try:
            async with self._open_session() as self.session:
                self.is_open = True
                self._opened.set_result(None)
                try:
                    await self.leave.wait()
                finally:
                    # Before the context ends: nobody may begin to use what is being closed.
                    self.is_open, self.is_over = False, True
        # A hook that calls sys.exit must not end the loop on which everybody's sends run.
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            self._failed(error)
        finally:
            self.is_over = True
            self.session = None

    def _failed(self, error: BaseException) -> None:
        if not self._opened.done():
            if self.is_over:
                # It was given up: its cancellation is not the connector's doing.
                return
            self._opened.set_exception(self._opening_failed(error))
            # Retrieved here, so that an opening nobody waits for any more is not a warning.
            self._opened.exception()
        elif not is_really(error, asyncio.CancelledError):
            self._ended(error, self.leave.is_set())
