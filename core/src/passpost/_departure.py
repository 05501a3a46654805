"""The moment from which an email may have been sent, as the connector that sends it marks it."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Final

from passpost._phrases import _
from passpost.errors import SendError


class Departure:
    """Whether the email of one attempt may have left.

    The connector marks the moment by `begin`, before its first byte that can make the provider
    send. passpost ends the attempt by `withdraw`, which says whether the moment had come. Of the
    two, whichever is first decides: after `withdraw` nothing leaves any more.
    """

    __slots__ = ("_left", "_over", "_token")

    _token: Token[Departure | None]

    def __init__(self) -> None:
        # Whether it has left, decided once: `setdefault` is one step, whichever thread comes first,
        # and costs each email less than a lock.
        self._left: dict[None, bool] = {}
        self._over = False

    def begin(self) -> None:
        """Mark that the email may have been sent from here on; it may be called again.

        Raises:
            SendError: The attempt is over. Send nothing.
        """
        if not self._left.setdefault(None, True) or self._over:
            raise SendError(
                _("the attempt was over before the email left"),
                outcome="rejected",
                scope="provider",
                temporary=True,
            )

    def withdraw(self) -> bool:
        """End the attempt, and return whether the email never left."""
        self._over = True
        return not self._left.setdefault(None, False)

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
