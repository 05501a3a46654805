"""The connections of a session: opened as mails need them, kept while they serve."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from passpost import MailerClosedError
from passpost_smtp.errors import Failed, Verdict, broken
from passpost_smtp.fault import Fault
from passpost_smtp.link import Link
from passpost_smtp.opening import Opening
from passpost_smtp.trace import event
from passpost_smtp.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from passpost_smtp.connection import Connection
    from passpost_smtp.site import Site

_FAREWELL: Final = 2.0
"""Seconds that a server gets to answer QUIT, and at the end of all also RSET."""
_BREATH: Final = 5.0
"""Seconds without another try after a server refused one more connection beside those it has."""
_SHORTEST_NAP: Final = 0.01
"""Seconds between two looks at the idle connections, at least."""
_LONGEST_BREATH: Final = 60.0
"""Seconds between two tries to keep a connection ready, at most."""


class Pool:
    """Keeps connections, and hands them out in the order in which they are asked for.

    As long as no connection has ever been opened, only one is tried at a time: a wrong password is
    shown to the server once, not by every mail that waits.

    Args:
        site: Where connections go.
    """

    def __init__(self, site: Site) -> None:
        settings = site.config.pool
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._most = settings.max_connections
        self._most_mails = settings.max_messages
        self._most_idle = settings.idle_timeout / 1000
        self._most_age = settings.max_age / 1000
        self._warm = settings.keep_warm
        self._idle: list[Link] = []
        self._busy = 0
        self._resetting = 0
        self._alive: set[Connection] = set()
        self._openings: dict[asyncio.Task[None], Opening] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._waiting = Waiting(self._loop, self._overdue)
        self._sweep: asyncio.TimerHandle | None = None
        self._warming: asyncio.TimerHandle | None = None
        self._breath = 1.0
        self._proven = False
        self._no_more_until = 0.0
        self._closing = self._ended = False
        self._quiet: asyncio.Future[None] | None = None

    @property
    def size(self) -> int:
        """Connections that are open or on their way."""
        return len(self._idle) + self._busy + len(self._openings)

    @property
    def _sending(self) -> int:
        """Connections that carry a mail."""
        return self._busy - self._resetting

    async def acquire(self, deadline: float) -> Link:
        """Give a connection that nobody else has until it is given back.

        Args:
            deadline: Until when to wait, in the loop's time.

        Raises:
            Failed: None can be opened, or none became free in time.
            MailerClosedError: The pool is closed, or about to be.
        """
        if self._closing:
            raise _closed()
        while self._idle:
            # The one used last, which is the least likely to be dead; the others may grow idle
            # enough to be closed.
            link = self._idle.pop()
            if self._serves(link, self._loop.time()) and not link.connection.stirred():
                self._busy += 1
                return link
            self._dismiss(link)
        waiter = self._waiting.add(deadline)
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
            self._settled()

    def release(self, link: Link) -> None:
        """Take back a connection that is in no transaction."""
        link.idle_since = now = self._loop.time()
        if not self._serves(link, now):
            self._busy -= 1
            self._dismiss(link)
            self._after_loss()
            return
        if not self._waiting.serve(link):
            self._busy -= 1
            self._rest(link)

    def reset(self, link: Link) -> None:
        """Take back a connection whose transaction was refused: it serves again after RSET."""
        if link.connection.fault is not None:
            self.release(link)
        else:
            self._resetting += 1
            self._do(self._reset(link))
            self._settled()

    def discard(self, link: Link) -> None:
        """Take back a connection that is in an unknown state: it is closed."""
        link.connection.abort()
        self.release(link)

    def distrust(self) -> None:
        """Close the connections that are idle: one of their kind turned out to be dead."""
        for link in self._idle:
            link.connection.abort()
        self._idle.clear()

    def start(self) -> None:
        """Open the connections that are to be kept ready."""
        self._keep_warm()

    async def aclose(self) -> None:
        """Wait for the mails under way, then say QUIT on every connection."""
        self._closing = True
        try:
            if self._sending or self._waiting:
                # Each has its deadline, so that this ends.
                self._quiet = self._loop.create_future()
                await self._quiet
            latest = self._loop.time() + _FAREWELL
            while self._chores and (left := latest - self._loop.time()) > 0:
                await asyncio.wait(self._chores, timeout=left)
            await asyncio.gather(*(self._farewell(link) for link in self._idle))
        finally:
            await self._end()

    # Connections that have nothing to do.

    def _serves(self, link: Link, now: float) -> bool:
        return (
            link.connection.fault is None
            and link.mails < self._most_mails
            and now - link.born < self._most_age
        )

    def _rest(self, link: Link) -> None:
        self._idle.append(link)
        self._settled()
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._most_idle, self._sweep_idle)

    def _lost(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._alive.discard(connection)
        self._idle = [link for link in self._idle if link.connection.fault is None]
        self._keep_warm()

    def _sweep_idle(self) -> None:
        """Close what has been idle for long, or is too old, but for those that are kept ready."""
        self._sweep = None
        now = self._loop.time()
        for link in list(self._idle):
            if self._due(link) <= now:
                self._idle.remove(link)
                self._dismiss(link)
        if self._idle:
            pause = min(self._due(link) for link in self._idle) - now
            self._sweep = self._loop.call_later(max(pause, _SHORTEST_NAP), self._sweep_idle)
        self._keep_warm()

    def _due(self, link: Link) -> float:
        """Say when an idle connection is to be closed."""
        # One that is kept ready grows old like the others, and is replaced then.
        old = link.born + self._most_age
        return old if self.size <= self._warm else min(old, link.idle_since + self._most_idle)

    def _dismiss(self, link: Link) -> None:
        """Close a connection that has served, in order if it still can be."""
        if link.connection.fault is None:
            self._do(self._farewell(link))

    async def _farewell(self, link: Link) -> None:
        connection = link.connection
        event(self._site.config, f"closing a connection after {link.mails} mails")
        await connection.exchange(b"QUIT\r\n", 1, _FAREWELL, self._loop.time() + _FAREWELL)
        await connection.close()

    async def _reset(self, link: Link) -> None:
        # All that a server has to do is to forget, and mails may wait for the connection.
        seconds = self._site.limits.probe
        replies = await link.connection.exchange(
            b"RSET\r\n", 1, seconds, self._loop.time() + seconds
        )
        if not replies or not replies[0].positive:
            link.connection.abort()
        self._resetting -= 1
        self.release(link)

    # Connections on their way.

    def _open_for_waiting(self) -> None:
        # One that is being reset is free in a moment, sooner than a new one is there.
        if self.size < self._most:
            self._open(len(self._waiting) - len(self._openings) - self._resetting)

    def _open(self, wanted: int) -> None:
        others = self.size
        if others >= self._most:
            return
        if self._ended or (others and self._loop.time() < self._no_more_until):
            return
        room = self._most - others
        if not self._proven:
            # The password, or the certificate, may be wrong: one tries, the others wait to hear.
            room = min(room, 1 - len(self._openings))
        for _ in range(min(wanted, room)):
            opening = Opening(self._site, self._loop.time() + self._site.limits.opening)
            task = self._loop.create_task(opening.run())
            self._openings[task] = opening
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        opening = self._openings.pop(task)
        if task.cancelled():
            # Only closing cancels, and has told those who waited.
            return
        error = task.exception()
        if error is not None:
            self._failed(error)
            self._settled()
            return
        self._proven = True
        self._breath = 1.0
        self._busy += 1
        link = Link(opening.connection, opening.offer, self._loop.time())
        link.connection.on_lost = self._lost
        self._alive.add(link.connection)
        if self._ended:
            # It came to be in the very moment of closing.
            link.connection.abort()
        self.release(link)
        self._open_for_waiting()
        self._keep_warm()

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, Failed):
            # A mistake of ours, which the host reports as one.
            self._waiting.fail(lambda: error)
            return
        event(self._site.config, f"no connection: {error}")
        verdict = error.verdict
        if verdict.phase in {"tls", "starttls", "token", "auth"}:
            # It would be the same for each of the others, and lock the account in the end.
            self._proven = False
            self._waiting.fail(lambda: Failed(verdict))
            return
        if self._busy or self._idle or self._openings:
            # The server takes no more connections than it has: those who wait get one of these.
            self._no_more_until = self._loop.time() + _BREATH
        else:
            self._waiting.fail(lambda: Failed(verdict))
        self._warm_later()

    def _after_loss(self) -> None:
        self._open_for_waiting()
        self._settled()
        self._keep_warm()

    def _keep_warm(self) -> None:
        if self._warm and not self._closing and self._warming is None:
            self._open(self._warm - self.size)

    def _warm_later(self) -> None:
        if self._warm and not self._closing and self._warming is None:
            # Later each time: a server that is down is not helped by being asked.
            self._warming = self._loop.call_later(self._breath, self._warm_again)
            self._breath = min(self._breath * 2, _LONGEST_BREATH)

    def _warm_again(self) -> None:
        self._warming = None
        self._keep_warm()

    def _overdue(self) -> Verdict:
        """Say what kept a mail waiting until its deadline."""
        phases = [opening.phase for opening in self._openings.values()]
        return broken(phases[0] if phases else "pool", Fault("timeout"), self._site.config)

    # The end.

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _settled(self) -> None:
        quiet = self._quiet
        if quiet is not None and not quiet.done() and not self._sending and not self._waiting:
            quiet.set_result(None)

    async def _end(self) -> None:
        self._ended = True
        self._waiting.fail(_closed)
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


def _closed() -> MailerClosedError:
    return MailerClosedError("the connections are closed")
