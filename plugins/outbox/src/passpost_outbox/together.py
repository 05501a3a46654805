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

LIMIT: Final = 50
"""What is asked together at most, so that others get their turn soon."""


class Together(Generic[T, R]):
    """Asks together what was asked while others were waiting for their replies.

    A single caller does not wait for company. If a call fails, each of its callers gets the error.

    Args:
        ask: Returns the reply to each question, in their order.
        at_once: How many calls of it may be under way, in each event loop.
        limit: How many questions a call has at most.
        pause: Seconds from the start of a call for several callers to that of the next one, so that
            a busy process makes fewer calls.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        at_once: int = 1,
        limit: int = LIMIT,
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
            lane.serving += 1
            task = loop.create_task(self._serve(lane))
            lane.tasks.add(task)
            task.add_done_callback(lane.tasks.discard)
        return await reply

    async def _serve(self, lane: _Lane[T, R]) -> None:
        asked: Sequence[tuple[T, asyncio.Future[R]]] = ()
        try:
            while lane.waiting:
                await self._rest(lane)
                first, lane.waiting = lane.waiting[: self._limit], lane.waiting[self._limit :]
                # Whoever was cancelled asks for nothing any more.
                asked = [pair for pair in first if not pair[1].done()]
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

    async def _rest(self, lane: _Lane[T, R]) -> None:
        """Wait until the pause after the last call for several callers is over."""
        loop = asyncio.get_running_loop()
        if lane.rests_until > loop.time():
            await asyncio.sleep(lane.rests_until - loop.time())
        if len(lane.waiting) > 1:
            lane.rests_until = loop.time() + self._pause

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
