"""Many items through one function: a bounded number at a time, each result as it comes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs

from passpost.errors import MailerClosedError, PasspostError

if TYPE_CHECKING:
    from passpost._messages.messages import Message, Receipt

Item = TypeVar("Item")
Result = TypeVar("Result")

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


async def sent_by(send: Callable[[Message], Awaitable[Receipt]], message: Message) -> Sent:
    """Send one message, and return what became of it.

    Raises:
        MailerClosedError: The mailer was closed.
        TypeError: Something else than a message was given.
    """
    try:
        return Sent(message, receipt=await send(message))
    except MailerClosedError:
        raise
    except PasspostError as error:
        return Sent(message, error=error)


class Many(Generic[Item, Result]):
    """Work under way: a bounded number of items at a time.

    What the work or the input raises is kept until all results are read: none is lost to it. No
    item is taken after it.

    Args:
        work: Turns an item into its result.
        limit: How many items are worked on at a time. A result that nobody has read yet counts.
    """

    def __init__(self, work: Callable[[Item], Coroutine[Any, Any, Result]], limit: int) -> None:
        given: Any = limit
        if type(given) is not int or given < 1:
            raise ValueError("limit is a whole number of at least 1")
        self._work = work
        self._limit = limit
        self._tasks: set[asyncio.Task[Result]] = set()
        self._ended: list[asyncio.Task[Result]] = []
        self._open = 0
        self._failure: BaseException | None = None
        self._exhausted = False
        self._changed = asyncio.Event()

    @property
    def room(self) -> int:
        """How many more items can be taken now."""
        return 0 if self._exhausted else self._limit - self._open

    @property
    def is_under_way(self) -> bool:
        """Whether there are results to come."""
        return self._open > 0

    @property
    def has_results(self) -> bool:
        """Whether there are results already."""
        return bool(self._ended)

    def read(self, items: Iterator[Item], most: int = sys.maxsize) -> list[Item]:
        """Return as many items as there is room for; it need not run on the loop.

        Args:
            items: The items.
            most: How many to take at most.
        """
        taken: list[Item] = []
        room = min(self.room, most)
        try:
            taken.extend(islice(items, room))
        except Exception as error:  # noqa: BLE001 - the caller's own, raised later on
            self.fail(error)
        self._exhausted = self._exhausted or len(taken) < room
        self._open += len(taken)
        return taken

    def begin(self, item: Item) -> None:
        """Begin the work on an item that was read."""
        task = asyncio.get_running_loop().create_task(self._work(item))
        self._tasks.add(task)
        task.add_done_callback(self._note)

    def take(self, item: Item) -> None:
        """Take one item, and begin the work on it."""
        self._open += 1
        self.begin(item)

    def exhaust(self) -> None:
        """Take no more items."""
        self._exhausted = True

    def fail(self, error: BaseException) -> None:
        """Take no more items, and raise an error at the end."""
        self._exhausted = True
        self._failure = self._failure or error

    def wake(self, _done: object = None) -> None:
        """Let `results` look again."""
        self._changed.set()

    async def results(self, *, wait: bool = True) -> list[Result]:
        """Return the results that nobody has read yet.

        Args:
            wait: Whether to wait until there are any, or until `wake` is called.
        """
        if wait:
            await self._changed.wait()
        self._changed.clear()
        ended, self._ended = self._ended, []
        self._open -= len(ended)
        return [task.result() for task in ended if not self._failed(task)]

    def raise_failure(self) -> None:
        """Raise what ended the work, if anything did."""
        if self._failure is not None:
            raise self._failure

    async def finish(self) -> None:
        """Wait for the work under way, whose results nobody reads any more."""
        self.exhaust()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note(self, task: asyncio.Task[Result]) -> None:
        self._tasks.discard(task)
        self._ended.append(task)
        self._changed.set()

    def _failed(self, task: asyncio.Task[Result]) -> bool:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)
        return error is not None


async def results_of(
    many: Many[Item, Result], items: Iterator[Item]
) -> AsyncGenerator[Result, None]:
    """Work on items as there is room, and yield each result as it comes.

    Args:
        many: The work under way.
        items: The items; no more than fit are taken.
    """
    try:
        while (new := many.read(items)) or many.is_under_way:
            for item in new:
                many.begin(item)
            for result in await many.results():
                yield result
        many.raise_failure()
    finally:
        await many.finish()


async def results_of_stream(
    many: Many[Item, Result], items: AsyncIterator[Item]
) -> AsyncGenerator[Result, None]:
    """Work on items as they come and as there is room; see `results_of`."""
    reading: asyncio.Task[Any] | None = None
    try:
        while True:
            if reading is None and many.room:
                reading = asyncio.create_task(_read(items))
                reading.add_done_callback(many.wake)
            if reading is None and not many.is_under_way:
                break
            for result in await many.results():
                yield result
            if reading is not None and reading.done():
                _begin(many, reading)
                reading = None
        many.raise_failure()
    finally:
        if reading is not None:
            reading.cancel()
            # An asynchronous generator can be closed only when it no longer runs.
            await asyncio.gather(reading, return_exceptions=True)
        await many.finish()


def _begin(many: Many[Item, Any], reading: asyncio.Task[Any]) -> None:
    if (error := reading.exception()) is not None:
        many.fail(error)
    elif reading.result() is _END:
        many.exhaust()
    else:
        many.take(reading.result())


async def _read(items: AsyncIterator[Any]) -> Any:
    return await anext(items, _END)
