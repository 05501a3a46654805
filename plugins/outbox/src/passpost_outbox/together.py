"""Does at once what several callers ask of a server, for the price of one."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import attrs

from passpost.stores import StoreError

T = TypeVar("T")
R = TypeVar("R")

_LIMIT: Final = 50
"""What is asked together at most, so that others get their turn soon."""


class Together(Generic[T, R]):
    """Asks together what was asked while others were waiting for their replies.

    If a call fails, each of its callers gets the error.

    Args:
        ask: Returns the reply to each question, in their order.
        at_once: How many calls of it may be under way, in each event loop.
        limit: How many questions a call has at most.
        pause: Seconds from the start of a call for several callers, but fewer than `limit`, to that
            of the next one. So a busy process makes fewer calls, and one caller after the other
            never waits.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        at_once: int = 1,
        limit: int = _LIMIT,
        pause: float = 0.0,
    ) -> None:
        self._ask = ask
        self._limit = limit
        self._pause = pause
        self._at_once = at_once
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane[T, R]] = WeakKeyDictionary()

    async def __call__(self, question: T) -> R:
        """Return the reply to a question.

        Raises:
            StoreError: The store cannot be asked.
        """
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            lane = self._lanes[loop] = _Lane()
        reply: asyncio.Future[R] = loop.create_future()
        lane.waiting.append((question, reply))
        if lane.serving < self._at_once:
            self._begin(lane)
        return await reply

    def _begin(self, lane: _Lane[T, R]) -> None:
        lane.serving += 1
        task = asyncio.create_task(self._serve(lane))
        lane.tasks.add(task)
        task.add_done_callback(lane.tasks.discard)

    async def _serve(self, lane: _Lane[T, R]) -> None:
        asked: Sequence[tuple[T, asyncio.Future[R]]] = ()
        try:
            while lane.waiting:
                asked = await self._some(lane)
                try:
                    await self._answer(asked)
                except Exception as error:  # noqa: BLE001 - a defect is theirs who asked
                    for _question, reply in asked:
                        if not reply.done():
                            reply.set_exception(error)
        finally:
            # Those who ask from now on are served by another task.
            lane.serving -= 1
            for _question, reply in asked:
                reply.cancel()
            if lane.living():
                # The call was cancelled, and they have not been asked.
                self._begin(lane)

    async def _some(self, lane: _Lane[T, R]) -> Sequence[tuple[T, asyncio.Future[R]]]:
        """Return what is asked next, after the pause."""
        loop = asyncio.get_running_loop()
        if lane.rests_until > loop.time():
            await asyncio.sleep(lane.rests_until - loop.time())
        waiting = lane.living()
        some, lane.waiting = waiting[: self._limit], waiting[self._limit :]
        if 1 < len(some) < self._limit:
            lane.rests_until = loop.time() + self._pause
        return some

    async def _answer(self, asked: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        if not asked:
            return
        try:
            found = await self._ask([question for question, _reply in asked])
        except StoreError as error:
            failure = error.with_traceback(None)
        else:
            for (_question, reply), one in zip(asked, found, strict=True):
                if not reply.done():
                    reply.set_result(one)
            return
        for _question, reply in asked:
            if not reply.done():
                # Each its own, or one would show the frames of the others.
                reply.set_exception(copy.copy(failure))


@attrs.define(eq=False)
class _Lane(Generic[T, R]):
    """What waits in one event loop, and what serves it.

    Attributes:
        waiting: Questions without a reply.
        serving: How many tasks take from them.
        rests_until: When the next call may start, on the clock of the event loop.
        tasks: Those tasks: an event loop keeps no reference to them.
    """

    serving: int = 0
    rests_until: float = 0.0
    waiting: list[tuple[T, asyncio.Future[R]]] = attrs.field(factory=list)
    tasks: set[asyncio.Task[None]] = attrs.field(factory=set)

    def living(self) -> list[tuple[T, asyncio.Future[R]]]:
        """Return what waits. Whoever was cancelled asks for nothing any more."""
        return [pair for pair in self.waiting if not pair[1].done()]
