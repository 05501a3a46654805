"""Keeps a connector's session open for as long as its mailer lives."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

from passpost._genuine import is_really, type_name
from passpost._phrases import _
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.reports import Defect
from passpost.errors import MailerClosedError, SendError

if TYPE_CHECKING:
    from passpost._host.connector import Connector
    from passpost._plugins.reports import Reports

log: Final = logging.getLogger("passpost")

CLOSING: Final = 10.0
"""Seconds that a session or a store may take to close before it is cancelled."""

CANCELLING: Final = 1.0
"""Seconds that a session may take to end after it was cancelled; then it is left alone."""

NOT_OPEN: Final = object()
"""What `SessionHolder.current` is while there is no session: None is a session, too."""


class SessionHolder:
    """Opens a session when it is first needed, opens another when it dies, and closes it once.

    A task of its own owns each session from its opening to its end: a connector may use task groups
    and timeouts in the context, which must end in the task that began them, and a caller who is
    cancelled while the session opens does not take it from the callers who wait beside it. An
    opening that failed reaches all who wait for it, and the next caller tries again; so does the
    caller after a session whose task group failed in the background.

    Args:
        connector: The configured connector.
        reports: Checks and clears what it says.
    """

    def __init__(self, connector: Connector, reports: Reports) -> None:
        self._connector = connector
        self._reports = reports
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
            raise MailerClosedError(_("the mailer is closed"))
        if self._owner is None or self._owner.is_over:
            self._owner = _Owner(self._connector, self._reports)
            task = asyncio.create_task(self._owner.own(), name="passpost session")
            self._owner.task = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await self._owner.wait()

    async def close(self) -> None:
        """Close the session, if there is one; wait for `CLOSING` and `CANCELLING` at most."""
        self._closed = True
        if self._owner is not None:
            self._owner.leave.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=CLOSING)
        for task in late:
            task.cancel()
        if late:
            _, late = await asyncio.wait(late, timeout=CANCELLING)
        if late:
            log.error("%s: the session does not end, and was left alone", self._connector.name)


class _Owner:
    """One session from its opening to its end, owned by one task."""

    task: asyncio.Task[None]

    def __init__(self, connector: Connector, reports: Reports) -> None:
        self._connector = connector
        self._reports = reports
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
                _("the connector's session ended as soon as it was open"),
                outcome="rejected",
                scope="network",
                temporary=True,
            )
        return self.session

    async def own(self) -> None:
        """Enter the context, keep it until `leave` is set or the session dies, and leave it."""
        try:
            async with self._context() as self.session:
                self.is_open = True
                self._opened.set_result(None)
                try:
                    await self.leave.wait()
                finally:
                    # Before the context ends: nobody may begin to use what is being closed.
                    self.is_open, self.is_over = False, True
        # A hook that calls sys.exit must not end the loop on which everybody's sends run.
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            self._tell(error)
        finally:
            self.is_over = True
            self.session = None

    def _context(self) -> AbstractAsyncContextManager[Any]:
        config, register_secret = self._connector.config, self._reports.register_secret
        context: Any = self._connector.hooks.open_session(config, register_secret)
        if isinstance(context, AbstractAsyncContextManager):
            return context
        if inspect.iscoroutine(context):
            context.close()
        raise Defect(
            _(
                "open_session returned {kind} instead of an async context manager: "
                "decorate an async generator with @contextlib.asynccontextmanager",
                kind=type_name(context),
            )
        )

    def _tell(self, error: BaseException) -> None:
        if not self._opened.done():
            if self.is_over:
                # It was given up: its cancellation is not the connector's doing.
                return
            self._opened.set_exception(self._reports.failure(error, sent=False))
            # Retrieved here, so that an opening nobody waits for any more is not a warning.
            self._opened.exception()
        elif not is_really(error, asyncio.CancelledError):
            # No traceback: it could show what the connector holds.
            closing = self.leave.is_set()
            what = "closing failed" if closing else "the session ended, the next send opens another"
            name, trace = self._connector.name, trace_defect(error)
            log.error("%s: %s: %s (%s)", name, what, describe_defect(error), trace)
