"""Commands that were written together, and the replies to them.

An exchange may begin while the one before it is not answered yet (RFC 2920). Replies are assigned
in the order of the exchanges, and a fault ends all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from passpost.wire import Alarm
from passpost_smtp import _
from passpost_smtp.fault import Fault
from passpost_smtp.reply import SHUTTING_DOWN

if TYPE_CHECKING:
    from passpost_smtp.reply import Reply

_TURN: Final = 5.0
"""Seconds that an exchange waits for the one before it to be answered."""

Then = Callable[[Sequence["Reply"]], bool]
"""Takes the replies the moment they are there, and returns whether it has written more."""


class Exchange:
    """Commands that were written together, and the replies to them as far as they have come.

    Args:
        waiter: The future that the caller waits for.
        wanted: How many replies are still to come.
        seconds: How long to wait for the last of them, once it is this exchange's turn.
        deadline: When to give up at the latest, in the loop's time.

    Attributes:
        replies: Those that have come.
        expires: When to give up, as things are now.
        then: Called once all replies are there.
    """

    __slots__ = ("deadline", "expires", "replies", "seconds", "then", "waiter", "wanted")

    def __init__(
        self, waiter: asyncio.Future[list[Reply]], wanted: int, seconds: float, deadline: float
    ) -> None:
        self.waiter = waiter
        self.wanted = wanted
        self.seconds = seconds
        self.deadline = self.expires = deadline
        self.then: Then | None = None
        self.replies: list[Reply] = []

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody waits for the replies any more; asked before `finish`."""
        return self.waiter.done()

    def finish(self) -> None:
        """Hand the replies to the caller, as many as have come."""
        if not self.waiter.done():
            self.waiter.set_result(self.replies)


class Exchanges:
    """The exchanges of one connection that are not answered yet: one, or two that overlap.

    Args:
        loop: The loop that they wait on.
        fail: Ends the connection, and with it all exchanges.
    """

    __slots__ = ("_alarm", "_ends_next", "_fail", "_loop", "_queue")

    def __init__(self, loop: asyncio.AbstractEventLoop, fail: Callable[[Fault], None]) -> None:
        self._loop = loop
        self._fail = fail
        self._queue: deque[Exchange] = deque()
        self._ends_next = False
        self._alarm = Alarm(self._ring)

    @property
    def first(self) -> Exchange | None:
        """The one whose replies come next, or None."""
        return self._queue[0] if self._queue else None

    def begin(self, wanted: int, seconds: float, deadline: float) -> Exchange:
        """Add an exchange; `wait` sets its alarm."""
        if self._queue and self._queue[-1].is_cancelled:
            # Whatever the server says next, it is not the reply to this.
            self._fail(Fault("aborted"))
        exchange = Exchange(self._loop.create_future(), wanted, seconds, deadline)
        self._queue.append(exchange)
        return exchange

    def wait(self, exchange: Exchange, seconds: float) -> None:
        """Set how long an exchange waits from now on; it waits for its turn less long."""
        if self._queue and exchange is not self._queue[0]:
            seconds = min(seconds, _TURN)
        exchange.expires = min(self._loop.time() + seconds, exchange.deadline)
        self._alarm.ring_by(exchange.expires)

    def assign(self, replies: Sequence[Reply]) -> bool:
        """Assign replies that came; return False if they end the connection."""
        queue = self._queue
        if queue and queue[0].is_cancelled:
            self._fail(Fault("order", _("a reply came that nobody waits for")))
            return False
        unanswered = [exchange for exchange in queue if exchange.wanted]
        for reply in replies:
            closing = reply.code == SHUTTING_DOWN
            # What came before a fault counts, even if both came in one packet.
            if unanswered:
                exchange = unanswered[0]
                exchange.replies.append(reply)
                exchange.wanted -= 1
                if not exchange.wanted:
                    del unanswered[0]
            elif not closing:
                self._fail(Fault("order", _("a reply came that no command had asked for")))
                return False
            if closing:
                self._fail(Fault("closed", _("the server said that it closes the connection")))
                return False
            if self._ends_next and not unanswered:
                self._fail(Fault("aborted"))
                return False
        return True

    def finish_answered(self, *, more: bool) -> None:
        """Finish the exchanges whose replies are all there, in order.

        Args:
            more: Whether a part of another reply has come.
        """
        queue = self._queue
        if more and not (queue and queue[-1].wanted):
            self._fail(Fault("order", _("a reply began that no command had asked for")))
            return
        next_turn = False
        while queue and not queue[0].wanted:
            exchange = queue[0]
            behind = queue[1] if len(queue) > 1 else None
            rejects = behind is not None and not exchange.replies[-1].positive
            if behind is not None and behind.wanted and (behind.replies or more or rejects):
                # Once all replies to the next are here, they show whether a surplus or a missing
                # one had shifted them: what rejects a message may be the reply to the next MAIL.
                return
            then, exchange.then = exchange.then, None
            # Too late, nothing more is said: the timer rings in this turn of the event loop.
            if (
                then is not None
                and self._loop.time() < exchange.deadline
                and then(exchange.replies)
            ):
                return
            # It is the first no more where `then` has ended the connection.
            self.finish_first()
            next_turn = True
        if next_turn and queue:
            self.wait(queue[0], queue[0].seconds)

    def forget_continuations(self) -> None:
        """Have nothing more said once the replies are there."""
        for exchange in self._queue:
            exchange.then = None

    def finish_first(self) -> None:
        """Finish the exchange whose turn it is, complete or not."""
        if self._queue:
            self._queue.popleft().finish()

    def finish_all(self) -> None:
        """Finish all exchanges with the replies that have come."""
        while self._queue:
            self._queue.popleft().finish()

    def abandon(self) -> None:
        """End the connection for a cancelled caller, but not before others have their replies."""
        queue = self._queue
        if not queue or queue[0].is_cancelled:
            self._fail(Fault("aborted"))
        elif queue[-1].is_cancelled:
            self._end_after_first()

    def close(self) -> None:
        """Stop the alarm."""
        self._alarm.stop()

    def _end_after_first(self) -> None:
        """Give up every exchange but the first, and the connection once that one is answered."""
        while len(self._queue) > 1:
            self._queue.pop().finish()
        if self._queue[0].wanted:
            self._ends_next = True
        else:
            self._fail(Fault("aborted"))

    def _ring(self) -> None:
        queue = self._queue
        if not queue:
            return
        now = self._loop.time()
        if queue[0].expires <= now:
            self._fail(Fault("timeout"))
        elif queue[-1].expires <= now:
            self._end_after_first()
        if queue:
            # It was put off since.
            self._alarm.ring_by(min(one.expires for one in queue))
