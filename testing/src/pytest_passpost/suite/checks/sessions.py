"""Checks of sessions: opened once, closed once, shared by all sends, unharmed by faults."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from passpost import Receipt, SendError
from pytest_passpost.servers.actions import Hold
from pytest_passpost.suite.instruments.bench import LONG, SHORT

if TYPE_CHECKING:
    from pytest_passpost.suite.instruments.bench import Bench, Result

_NEXT: Final = {"connect": SHORT, "taken": LONG}
"""Seconds that the email after a cancelled one has."""


class SessionChecks:
    """`open_session`, and what holds for all sends that share a session."""

    @pytest.mark.parametrize("after", ["nothing", "a mail", "an error"])
    def test_session_is_closed(self, bench: Bench, after: str) -> None:
        config = bench.config()
        if after == "an error":
            bench.proxy.break_at("taken", "reset")

        async def use() -> set[str]:
            before = asyncio.all_tasks()
            async with bench.opened(config) as session:
                if after != "nothing":
                    await bench.result(config, session)
            return {task.get_coro().__qualname__ for task in asyncio.all_tasks() - before}  # type: ignore[union-attr]  # no task here is made of anything but a coroutine

        assert bench.run(use) == set(), "tasks outlive their session"
        try:
            bench.proxy.wait_closed(timeout=bench.patience)
        except TimeoutError:
            pytest.fail("a connection outlives its session")

    def test_session_outlives_an_error(self, bench: Bench) -> None:
        config = bench.config()

        async def send() -> tuple[Result, Result]:
            async with bench.opened(config) as session:
                bench.proxy.break_at("connect", "reset")
                first = await bench.result(config, session)
                bench.proxy.heal()
                return first, await bench.result(config, session)

        first, second = bench.run(send)
        assert isinstance(first, SendError), "a broken connection is not an error"
        assert isinstance(second, Receipt), "after an error the session is of no use"

    def test_sessions_are_independent(self, bench: Bench) -> None:
        config = bench.config()

        async def send() -> Result:
            async with bench.opened(config) as first:
                async with bench.opened(config) as second:
                    assert isinstance(await bench.result(config, second), Receipt)
                return await bench.result(config, first)

        result = bench.run(send)
        assert isinstance(result, Receipt), "closing one session breaks another"

    @pytest.mark.parametrize("moment", ["connect", "taken"])
    def test_cancellation(self, bench: Bench, moment: Literal["connect", "taken"]) -> None:
        config = bench.config()

        async def cancel() -> Result:
            async with bench.opened(config) as session:
                bench.proxy.break_at(moment, "silence")
                task = asyncio.create_task(bench.result(config, session))
                await asyncio.to_thread(bench.proxy.struck.wait, bench.patience)
                await _cancelled(task, bench.patience)
                bench.proxy.heal()
                return await bench.result(config, session, bench.mail(seconds=_NEXT[moment]))

        result = bench.run(cancel)
        # Emails may share a connection that is being opened, and what becomes of it.
        assert moment == "connect" or isinstance(result, Receipt), "no email goes out"

    def test_loop_is_not_blocked(self, bench: Bench) -> None:
        config = bench.config()
        hold = Hold()
        bench.proxy.break_at("taken", hold)
        freed_by: list[str] = []

        def free(who: str) -> None:
            freed_by.append(who)
            hold.release()

        async def send() -> None:
            async with bench.opened(config) as session:
                task = asyncio.create_task(bench.result(config, session))
                await asyncio.to_thread(hold.reached.wait, bench.patience)
                # This line is reached while the connector waits for its answer, or not at all.
                free("the loop")
                assert isinstance(await task, Receipt)

        watchdog = threading.Timer(bench.patience / 2, free, ["the watchdog"])
        watchdog.start()
        bench.run(send)
        watchdog.cancel()
        assert freed_by[0] == "the loop", "send_mail is async, and blocks the event loop"


async def _cancelled(task: asyncio.Task[Any], patience: float) -> None:
    """Cancel a send, and look that it ends as cancelled tasks do."""
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=patience)
    assert done, "a send goes on after it was cancelled"
    assert task.cancelled(), "a send swallows its cancellation"
