"""Keeps a connector's session open for as long as its mailer lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from passpost.errors import MailerClosedError


class SessionHolder:
    """Enters a session's context once, when it is first needed, and leaves it when closed.

    A task of its own enters and leaves the context: a connector may use task groups and timeouts in
    it, which must end in the task that began them, and a caller who is cancelled while the session
    opens does not take it from the callers who wait beside it. An opening that failed reaches all
    who wait for it, and the next caller tries again.

    Args:
        open_session: Makes the context manager.
    """

    def __init__(self, open_session: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._open_session = open_session
        self._opened: asyncio.Future[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether `get` gives the session without waiting."""
        return self._opened is not None and self._opened.done()

    async def get(self) -> Any:
        """Give the session, opening it if need be.

        Raises:
            MailerClosedError: The holder was closed.
            Exception: Whatever the connector raised on opening.
        """
        if self._opened is None:
            if self._leave.is_set():
                raise MailerClosedError("the mailer is closed")
            self._opened = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._hold(self._opened), name="passpost session")
        if self._opened.done():
            return self._opened.result()
        # Shielded: one caller's cancellation is not the others'.
        return await asyncio.shield(self._opened)

    async def close(self) -> None:
        """Leave the session's context, if it was entered.

        Raises:
            Exception: Whatever the connector raised on closing.
        """
        self._leave.set()
        task, self._task = self._task, None
        if task is None:
            return
        if self._opened is not None and not self._opened.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _hold(self, opened: asyncio.Future[Any]) -> None:
        try:
            context = self._open_session()
            session = await context.__aenter__()
        except BaseException as error:
            self._failed(opened, error)
            if not isinstance(error, Exception):
                raise
            return
        opened.set_result(session)
        await self._leave.wait()
        await context.__aexit__(None, None, None)

    def _failed(self, opened: asyncio.Future[Any], error: BaseException) -> None:
        self._opened = None
        if isinstance(error, asyncio.CancelledError):
            opened.cancel()
            return
        opened.set_exception(error)
        # Retrieved here, so that an opening nobody waits for any more is no warning.
        opened.exception()
