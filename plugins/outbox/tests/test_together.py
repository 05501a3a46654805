"""What callers ask at once is asked together, and each gets its own reply."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from passpost.stores import StoreError
from passpost_outbox.together import Together


class Server:
    """Doubles numbers, once it is told to."""

    def __init__(self) -> None:
        self.asked: list[Sequence[int]] = []
        self.may_reply = asyncio.Event()
        self.failure: Exception | None = None

    async def double(self, numbers: Sequence[int]) -> Sequence[int]:
        self.asked.append(numbers)
        await self.may_reply.wait()
        if self.failure is not None:
            raise self.failure
        return [2 * number for number in numbers]


def test_those_who_wait_are_asked_together() -> None:
    async def check() -> None:
        server = Server()
        together = Together(server.double, at_once=2)
        tasks = [asyncio.create_task(together(number)) for number in range(6)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        later = [asyncio.create_task(together(number)) for number in (6, 7)]
        await asyncio.sleep(0)
        server.may_reply.set()
        assert await asyncio.gather(*tasks, *later) == [0, 2, 4, 6, 8, 10, 12, 14]
        assert sum(map(len, server.asked)) == 8
        assert len(server.asked) < 8

    asyncio.run(check())


def test_no_more_are_asked_together_than_allowed() -> None:
    async def check() -> None:
        server = Server()
        together = Together(server.double, limit=2)
        asking = [asyncio.create_task(together(number)) for number in range(5)]
        server.may_reply.set()
        assert await asyncio.gather(*asking) == [0, 2, 4, 6, 8]
        assert server.asked == [[0, 1], [2, 3], [4]]

    asyncio.run(check())


def test_after_a_call_for_several_the_next_ones_are_collected() -> None:
    async def check() -> None:
        server = Server()
        server.may_reply.set()
        together = Together(server.double, limit=4, pause=3600)
        # None of these waits for an hour: each is alone, or fills its call.
        for number in range(3):
            await together(number)
        await asyncio.gather(*(together(number) for number in range(8)))
        server.asked.clear()
        await asyncio.gather(together(0), together(1))
        later = [asyncio.create_task(together(2))]
        for number in (3, 4):
            later.append(asyncio.create_task(together(number)))
            for _turn in range(10):
                await asyncio.sleep(0)
        assert server.asked == [[0, 1]]
        for task in later:
            task.cancel()
        await asyncio.gather(*later, return_exceptions=True)

    asyncio.run(check())


def test_the_pause_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> None:
        waits: list[float] = []
        sleep = asyncio.sleep

        async def wait(seconds: float) -> None:
            waits.append(seconds)
            await sleep(0)

        server = Server()
        server.may_reply.set()
        together = Together(server.double, pause=3600)
        monkeypatch.setattr("passpost_outbox.together.asyncio.sleep", wait)
        await asyncio.gather(together(0), together(1))
        gone = [asyncio.create_task(together(number)) for number in range(9)]
        await sleep(0)
        for task in gone:
            task.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        assert await together(2) == 4
        assert server.asked == [[0, 1], [2]]
        assert len(waits) >= 1
        assert 3000 < waits[0] <= 3600

    asyncio.run(check())


def test_those_who_wait_are_asked_although_a_call_was_cancelled() -> None:
    asked: list[Sequence[int]] = []

    async def cancelled(numbers: Sequence[int]) -> Sequence[int]:
        asked.append(numbers)
        if len(asked) == 1:
            raise asyncio.CancelledError
        return numbers

    async def check() -> None:
        together = Together(cancelled, limit=1)
        replies = await asyncio.gather(together(1), together(2), return_exceptions=True)
        assert isinstance(replies[0], asyncio.CancelledError)
        assert replies[1] == 2

    asyncio.run(check())


def test_one_caller_after_the_other_gets_a_reply() -> None:
    async def check() -> None:
        server = Server()
        server.may_reply.set()
        together = Together(server.double)
        assert [await together(number) for number in range(3)] == [0, 2, 4]

    asyncio.run(asyncio.wait_for(check(), 60))


def test_another_event_loop_is_served_as_well() -> None:
    async def check() -> None:
        server.may_reply = asyncio.Event()
        server.may_reply.set()
        assert await together(1) == 2

    server = Server()
    together = Together(server.double)
    asyncio.run(check())
    asyncio.run(check())


def test_each_caller_gets_an_error_of_its_own() -> None:
    async def check() -> None:
        server = Server()
        server.failure = StoreError("the server is gone", hint="Start it.")
        server.may_reply.set()
        together = Together(server.double)
        errors = await asyncio.gather(together(1), together(2), return_exceptions=True)
        assert len(set(map(id, errors))) == 2
        for error in errors:
            assert isinstance(error, StoreError)
            assert (str(error), error.hint) == ("the server is gone", "Start it.")
        server.failure = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await together(3)
        server.failure = None
        assert await together(4) == 8

    asyncio.run(check())


def test_nobody_waits_for_ever_after_a_defect() -> None:
    async def check() -> None:
        server = Server()
        server.failure = ZeroDivisionError()
        server.may_reply.set()
        together = Together(server.double)
        # More than are asked together.
        calls = (together(number) for number in range(120))
        errors = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in errors} == {ZeroDivisionError}
        assert sum(map(len, server.asked)) == 120

    asyncio.run(asyncio.wait_for(check(), 60))


def test_whoever_is_cancelled_asks_for_nothing() -> None:
    async def check() -> None:
        server = Server()
        together = Together(server.double)
        first = asyncio.create_task(together(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(together(number)) for number in (2, 3)]
        await asyncio.sleep(0)
        others[0].cancel()
        await asyncio.sleep(0)
        server.may_reply.set()
        assert await first == 2
        assert await others[1] == 6
        assert server.asked == [[1], [3]]

    asyncio.run(check())
