"""Many messages through one mailer: a bounded number at a time, each result as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost.errors import MailerClosedError, PasspostError

if TYPE_CHECKING:
    from passpost._messages.messages import Message, Receipt

LIMIT: Final = 20
"""Sends at a time, unless the caller says otherwise."""

_END: Final = object()


@attrs.frozen
class Sent:
    """What became of one message; either `receipt` or `error` is set.

    Attributes:
        message: The message.
        receipt: The receipt of an accepted email.
        error: Why it was not accepted, or that nobody knows.
    """

    message: Message
    receipt: Receipt | None = None
    error: PasspostError | None = None


class Many:
    """Sends under way.

    Args:
        send: Sends one message.
        limit: How many are under way at a time.

    Attributes:
        under_way: Their tasks.
    """

    def __init__(self, send: Callable[[Message], Awaitable[Receipt]], limit: int) -> None:
        given: Any = limit
        if type(given) is not int or given < 1:
            raise ValueError("limit is a whole number of at least 1")
        self._send = send
        self._limit = limit
        self.under_way: set[asyncio.Future[Any]] = set()

    @property
    def free(self) -> int:
        """How many more may begin now."""
        return self._limit - len(self.under_way)

    def begin(self, message: Message) -> None:
        """Begin one send."""
        self.under_way.add(asyncio.ensure_future(self._result(message)))

    async def next(self, *others: asyncio.Future[Any]) -> list[Sent]:
        """Return what has ended, once at least one send or one of the others has.

        Raises:
            MailerClosedError: The mailer was closed meanwhile.
            TypeError: Something else than a message was given.
        """
        waiting = {*self.under_way, *others}
        if not waiting:
            return []
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        ended = done & self.under_way
        self.under_way -= ended
        return [task.result() for task in ended]

    async def finish(self) -> None:
        """Wait for the sends under way, whose results nobody reads any more."""
        await asyncio.gather(*self.under_way, return_exceptions=True)

    async def _result(self, message: Message) -> Sent:
        try:
            return Sent(message, receipt=await self._send(message))
        except MailerClosedError:
            raise
        except PasspostError as error:
            return Sent(message, error=error)


async def send_all(many: Many, messages: AsyncIterator[Message]) -> AsyncGenerator[Sent, None]:
    """Send messages as they come and as there is room, and yield each result as it comes.

    Args:
        many: The sends under way.
        messages: The messages; no more than fit are taken from it.
    """
    reading: asyncio.Task[Any] | None = None
    ended = False
    try:
        while True:
            if reading is None and many.free and not ended:
                reading = asyncio.create_task(_read(messages))
            for sent in await many.next(*([reading] if reading else [])):
                yield sent
            if reading is not None and reading.done():
                message, reading = reading.result(), None
                ended = message is _END
                if not ended:
                    many.begin(message)
            if ended and not many.under_way:
                return
    finally:
        if reading is not None:
            reading.cancel()
        await many.finish()


async def _read(messages: AsyncIterator[Message]) -> Any:
    return await anext(messages, _END)
