"""The moment from which an email may have been sent, as the connector that sends it marks it."""

from __future__ import annotations

import _thread
from contextvars import ContextVar, Token
from typing import Final

from passpost.errors import SendError


class Departure:
    """Whether the email of one attempt may have left.

    The connector marks the moment by `begin`, before its first byte that can make the provider
    send. passpost ends the attempt by `withdraw`, which says whether the moment had come. Of the
    two, whichever is first decides: after `withdraw` nothing leaves any more.
    """

    __slots__ = ("_first", "_left", "_over", "_token")

    _token: Token[Departure | None]

    def __init__(self) -> None:
        self._first = _thread.allocate_lock()
        self._left = self._over = False

    def begin(self) -> None:
        """Mark that the email may have been sent from here on; it may be called again.

        Raises:
            SendError: The attempt is over. Send nothing.
        """
        # A lock that is taken while the attempt goes on was taken by an earlier call of this.
        # By position: a keyword costs each email as much as the lock itself.
        if not self._left and (self._first.acquire(False) or not self._over):  # noqa: FBT003 - see above
            self._left = True
        if self._over:
            raise SendError(
                "the attempt was over before the email left",
                outcome="rejected",
                scope="provider",
                temporary=True,
            )

    def withdraw(self) -> bool:
        """End the attempt, and return whether the email never left."""
        # In this order: `begin` sees the end of the attempt wherever it comes too late.
        self._over = True
        return self._first.acquire(False)  # noqa: FBT003 - as above

    def __enter__(self) -> None:
        self._token = _current.set(self)

    def __exit__(self, *_raised: object) -> None:
        try:  # noqa: SIM105 - `suppress` costs each email more than all the rest of this
            _current.reset(self._token)
        except ValueError:
            # The coroutine of a loop that has ended is closed wherever that may be.
            pass


_current: Final[ContextVar[Departure | None]] = ContextVar("passpost.departure", default=None)


def departure() -> Departure:
    """Return the mark of the attempt under way; outside of an attempt, one that nobody reads."""
    return _current.get() or Departure()


def about_to_send() -> None:
    """Mark that the email of the attempt under way may have been sent from here on.

    Raises:
        SendError: The attempt is over. Send nothing.
    """
    departure().begin()
