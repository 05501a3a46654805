"""The connections of a session: opened as emails need them, kept while they serve."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Final

from passpost import MailerClosedError
from passpost_smtp import _
from passpost_smtp.errors import SmtpError, broken
from passpost_smtp.fault import Fault
from passpost_smtp.opening import Opening
from passpost_smtp.pooled_connection import PooledConnection
from passpost_smtp.trace import event
from passpost_smtp.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from passpost_smtp.connection import Connection
    from passpost_smtp.context import SessionContext

_QUIT_TIMEOUT: Final = 2.0
"""Seconds that a server has to reply to QUIT, and while the pool closes also to RSET."""
_OPEN_BACKOFF: Final = 5.0
"""Seconds until the next attempt after a server rejected one more connection."""
_MIN_SWEEP_INTERVAL: Final = 0.01
"""Least seconds between two sweeps of the idle connections."""
_MAX_WARM_BACKOFF: Final = 60.0
"""Most seconds between two attempts to keep a connection ready."""


class Pool:
    """Keeps connections, and hands them out in the order in which they are asked for.

    As long as no connection has ever been opened, only one is tried at a time: a wrong password is
    shown to the server once, not by every email that waits.

    Args:
        context: Where connections go.
    """

    def __init__(self, context: SessionContext) -> None:
        settings = context.config.pool
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._most = settings.max_connections
        self._most_emails = settings.max_messages
        self._most_idle = settings.idle_timeout / 1000
        self._most_age = settings.max_age / 1000
        self._warm = settings.keep_warm
        self._idle: list[PooledConnection] = []
        self._offered: set[PooledConnection] = set()
        self._busy = 0
        self._resetting = 0
        self._alive: set[Connection] = set()
        self._openings: dict[asyncio.Task[None], Opening] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._waiting = Waiting(self._loop, self._judge_overdue)
        self._sweep: asyncio.TimerHandle | None = None
        self._warming: asyncio.TimerHandle | None = None
        self._warm_backoff = 1.0
        self._proven = False
        self._no_open_before = 0.0
        self._closing = self._ended = False
        self._quiet: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """Connections that are open or on their way."""
        return len(self._idle) + self._busy + len(self._openings)

    @property
    def _sending(self) -> int:
        """Connections that carry an email."""
        return self._busy - self._resetting

    async def acquire(self, deadline: float, *, alone: bool = False) -> PooledConnection:
        """Return a connection, for this email alone until it is given back.

        Args:
            deadline: Until when to wait, in the loop's time.
            alone: Whether the email must not follow another one; see `share`.

        Raises:
            SmtpError: None can be opened, or none became free in time.
            MailerClosedError: The pool is closed, or about to be.
        """
        if self._closing:
            raise _closed_error()
        while self._idle:
            # The one used last, which is the least likely to be dead; the others may grow idle
            # enough to be closed.
            pooled = self._idle.pop()
            if self._is_usable(pooled, self._loop.time()) and not pooled.connection.is_dropped():
                self._busy += 1
                pooled.users = 1
                return pooled
            self._dismiss(pooled)
        if not alone and (joined := self._join()) is not None:
            return joined
        waiter = self._waiting.add(deadline, alone=alone)
        self._open_for_waiting()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiting.leave(waiter)
            if not waiter.cancelled() and waiter.exception() is None:
                # It had just been handed over.
                self.release(waiter.result())
            raise
        finally:
            self._notify_if_quiet()

    def release(self, pooled: PooledConnection) -> None:
        """Take back a connection that is in no transaction."""
        pooled.users -= 1
        if pooled.users:
            # The next email is on it already.
            return
        self._offered.discard(pooled)
        pooled.idle_since = now = self._loop.time()
        if not self._is_usable(pooled, now):
            self._busy -= 1
            self._dismiss(pooled)
            self._after_loss()
            return
        if not self._waiting.serve(pooled):
            self._busy -= 1
            self._keep_idle(pooled)

    def share(self, pooled: PooledConnection) -> bool:
        """Hand a connection whose message is about to leave to the next waiting email as well.

        Where none waits, the next that asks for a connection gets this one, if its message is still
        held then: an email that begins in the turn in which another ends waits for nothing.

        Returns:
            Whether an email takes it. What it writes in this turn of the event loop leaves together
            with the message.
        """
        now = self._loop.time()
        self._offered.discard(pooled)
        # A connection that is being opened is for those who wait.
        if self._openings or not self._is_usable(pooled, now):
            return False
        pooled.idle_since = now
        if self._waiting.serve(pooled, following=True):
            return True
        self._offered.add(pooled)
        return False

    def _join(self) -> PooledConnection | None:
        """Return a connection whose message is held for the next email, which is on it now."""
        # Whoever waits already comes first, and what is being opened is for those.
        while self._offered and not self._waiting and not self._openings:
            pooled = self._offered.pop()
            if pooled.users == 1 and pooled.connection.is_holding:
                pooled.users += 1
                return pooled
        return None

    def reset(self, pooled: PooledConnection) -> None:
        """Take back a connection whose transaction was rejected: it serves again after RSET."""
        if pooled.connection.fault is not None or pooled.users > 1:
            self.release(pooled)
        else:
            self._resetting += 1
            self._start_chore(self._reset(pooled))
            self._notify_if_quiet()

    def discard(self, pooled: PooledConnection) -> None:
        """Take back a connection whose email was cancelled: it is closed, once it is free."""
        pooled.connection.abandon()
        self.release(pooled)

    def close_idle(self) -> None:
        """Close the idle connections: one like them turned out to be dead."""
        for pooled in self._idle:
            pooled.connection.abort()
        self._idle.clear()

    def start(self) -> None:
        """Open the connections that are to be kept ready."""
        self._keep_warm()

    async def aclose(self) -> None:
        """Wait for the emails under way, then say QUIT on every connection."""
        self._closing = True
        try:
            if self._sending or self._waiting:
                # Each has its deadline, so that this ends.
                self._quiet = self._loop.create_future()
                await self._quiet
            latest = self._loop.time() + _QUIT_TIMEOUT
            while self._chores and (left := latest - self._loop.time()) > 0:
                await asyncio.wait(self._chores, timeout=left)
            await asyncio.gather(*(self._quit(pooled) for pooled in self._idle))
        finally:
            await self._end()

    # Connections that have nothing to do.

    def _is_usable(self, pooled: PooledConnection, now: float) -> bool:
        return (
            pooled.connection.fault is None
            and pooled.emails < self._most_emails
            and now - pooled.born < self._most_age
        )

    def _keep_idle(self, pooled: PooledConnection) -> None:
        self._idle.append(pooled)
        self._notify_if_quiet()
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._most_idle, self._sweep_idle)

    def _forget(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._alive.discard(connection)
        self._idle = [pooled for pooled in self._idle if pooled.connection.fault is None]
        self._keep_warm()

    def _sweep_idle(self) -> None:
        """Close what has been idle for long, or is too old, but for those that are kept ready."""
        self._sweep = None
        now = self._loop.time()
        for pooled in list(self._idle):
            if self._closing_time(pooled) <= now:
                self._idle.remove(pooled)
                self._dismiss(pooled)
        if self._idle:
            pause = min(self._closing_time(pooled) for pooled in self._idle) - now
            self._sweep = self._loop.call_later(max(pause, _MIN_SWEEP_INTERVAL), self._sweep_idle)
        self._keep_warm()

    def _closing_time(self, pooled: PooledConnection) -> float:
        """Return when an idle connection is to be closed."""
        # One that is kept ready grows old like the others, and is replaced then.
        old = pooled.born + self._most_age
        return old if self.size <= self._warm else min(old, pooled.idle_since + self._most_idle)

    def _dismiss(self, pooled: PooledConnection) -> None:
        """Close a connection that has served, in order if it still can be."""
        if pooled.connection.fault is None:
            self._start_chore(self._quit(pooled))

    async def _quit(self, pooled: PooledConnection) -> None:
        connection = pooled.connection
        event(self._context.config, f"closing a connection after {pooled.emails} emails")
        await connection.exchange(b"QUIT\r\n", 1, _QUIT_TIMEOUT, self._loop.time() + _QUIT_TIMEOUT)
        await connection.close()

    async def _reset(self, pooled: PooledConnection) -> None:
        # All that a server has to do is to forget, and emails may wait for the connection.
        seconds = self._context.limits.probe
        replies = await pooled.connection.exchange(
            b"RSET\r\n", 1, seconds, self._loop.time() + seconds
        )
        if not replies or not replies[0].positive:
            pooled.connection.abort()
        self._resetting -= 1
        self.release(pooled)

    # Connections on their way.

    def _open_for_waiting(self) -> None:
        # One that is being reset is free in a moment, sooner than a new one is there.
        if self.size < self._most:
            self._open(len(self._waiting) - len(self._openings) - self._resetting)

    def _open(self, wanted: int) -> None:
        others = self.size
        if others >= self._most:
            return
        if self._ended or (others and self._loop.time() < self._no_open_before):
            return
        room = self._most - others
        if not self._proven:
            # The password, or the certificate, may be wrong: one tries, the others wait to hear.
            room = min(room, 1 - len(self._openings))
        for _each in range(min(wanted, room)):
            opening = Opening(self._context, self._loop.time() + self._context.limits.opening)
            task = self._loop.create_task(opening.run())
            self._openings[task] = opening
            task.add_done_callback(self._finish_opening)

    def _finish_opening(self, task: asyncio.Task[None]) -> None:
        opening = self._openings.pop(task)
        if task.cancelled():
            # Only closing cancels, and has told those who waited.
            return
        error = task.exception()
        if error is not None:
            self._fail_opening(error)
            self._notify_if_quiet()
            return
        self._proven = True
        self._warm_backoff = 1.0
        self._busy += 1
        pooled = PooledConnection(opening.connection, opening.offer, self._loop.time())
        pooled.connection.on_lost = self._forget
        self._alive.add(pooled.connection)
        if self._ended:
            # It came to be in the very moment of closing.
            pooled.connection.abort()
        self.release(pooled)
        self._open_for_waiting()
        self._keep_warm()

    def _fail_opening(self, error: BaseException) -> None:
        if not isinstance(error, SmtpError):
            # A mistake of ours, which passpost reports as one.
            self._waiting.fail(lambda: error)
            return
        # The words of the server may repeat what it was sent.
        event(self._context.config, f"no connection: {error.phase}: {error.provider_code or error}")
        if error.phase in {"tls", "starttls", "token", "auth"}:
            # It would be the same for each of the others, and lock the account in the end.
            self._proven = False
            self._waiting.fail(lambda: copy.copy(error))
            return
        if self._busy or self._idle or self._openings:
            # The server takes no more connections than it has: those who wait get one of these.
            self._no_open_before = self._loop.time() + _OPEN_BACKOFF
        else:
            self._waiting.fail(lambda: copy.copy(error))
        self._keep_warm_later()

    def _after_loss(self) -> None:
        self._open_for_waiting()
        self._notify_if_quiet()
        self._keep_warm()

    def _keep_warm(self) -> None:
        if self._warm and not self._closing and self._warming is None:
            self._open(self._warm - self.size)

    def _keep_warm_later(self) -> None:
        if self._warm and not self._closing and self._warming is None:
            # Later each time: a server that is down is not helped by being asked.
            self._warming = self._loop.call_later(self._warm_backoff, self._keep_warm_again)
            self._warm_backoff = min(self._warm_backoff * 2, _MAX_WARM_BACKOFF)

    def _keep_warm_again(self) -> None:
        self._warming = None
        self._keep_warm()

    def _judge_overdue(self) -> SmtpError:
        """Return what kept an email waiting until its deadline."""
        phases = [opening.phase for opening in self._openings.values()]
        return broken(phases[0] if phases else "pool", Fault("timeout"), self._context.config)

    # The end.

    def _start_chore(self, chore: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _notify_if_quiet(self) -> None:
        quiet = self._quiet
        if quiet is not None and not quiet.done() and not self._sending and not self._waiting:
            quiet.set_result(None)

    async def _end(self) -> None:
        self._ended = True
        self._waiting.fail(_closed_error)
        self._waiting.close()
        for timer in (self._sweep, self._warming):
            if timer is not None:
                timer.cancel()
        tasks = (*self._openings, *self._chores)
        for task in tasks:
            task.cancel()
        for connection in self._alive:
            connection.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(connection.wait_closed() for connection in tuple(self._alive)))


def _closed_error() -> MailerClosedError:
    return MailerClosedError(_("the connections are closed"))
