"""The one timer for many deadlines."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from passpost._delivery.deadlines import DeadlinePassedError, Deadlines

pytestmark = pytest.mark.anyio


def soon(seconds: float = 0.01) -> float:
    return asyncio.get_running_loop().time() + seconds


def never() -> float:
    return soon(3600)


async def late(deadlines: Deadlines, when: float) -> str:
    """Wait for what does not come, until the deadline."""
    try:
        with deadlines.until(when):
            await asyncio.Event().wait()
    except DeadlinePassedError:
        return "late"
    raise AssertionError("it was over before its deadline")


async def test_what_is_late_is_cancelled() -> None:
    assert await late(Deadlines(), soon()) == "late"


async def test_a_deadline_that_has_passed_cancels_at_the_next_wait() -> None:
    assert await late(Deadlines(), soon(-1)) == "late"


async def test_what_is_in_time_is_left_alone() -> None:
    deadlines = Deadlines()
    with deadlines.until(soon()):
        pass
    # By now its deadline is over, and the timer has rung.
    assert await late(deadlines, soon(0.02)) == "late"


async def test_each_has_its_own_deadline_in_whatever_order_they_come() -> None:
    deadlines = Deadlines()
    ended: list[float] = []

    async def wait(when: float) -> None:
        await late(deadlines, when)
        ended.append(when)

    order = [soon(0.3), soon(0.1), soon(0.4), soon(0.2)]
    await asyncio.gather(*map(wait, order))
    assert ended == sorted(order)


async def test_a_cancellation_from_outside_stays_one() -> None:
    deadlines = Deadlines()
    task = asyncio.ensure_future(late(deadlines, never()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_from_outside_beside_the_deadline_stays_one() -> None:
    deadlines = Deadlines()
    when = soon()
    task = asyncio.ensure_future(late(deadlines, when))
    await asyncio.sleep(0)
    # In the same turn of the loop in which the deadline passes.
    asyncio.get_running_loop().call_at(when, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_an_error_passes_through() -> None:
    deadlines = Deadlines()
    with pytest.raises(ValueError, match="own"), deadlines.until(never()):
        raise ValueError("its own")


async def test_an_error_in_answer_to_the_cancellation_passes_through() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise ValueError("its own")

    with pytest.raises(ValueError, match="own"), Deadlines().until(soon()):
        await stubborn()


async def test_a_task_that_is_being_cancelled_may_still_have_deadlines() -> None:
    deadlines = Deadlines()
    begun = asyncio.Event()

    async def tidy() -> str:
        try:
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await late(deadlines, soon())
        raise AssertionError("it was not cancelled")

    task = asyncio.ensure_future(tidy())
    await begun.wait()
    task.cancel()
    assert await task == "late"


async def test_one_within_another_each_answers_for_itself() -> None:
    deadlines = Deadlines()
    with contextlib.suppress(DeadlinePassedError), deadlines.until(never()):
        assert await late(deadlines, soon()) == "late"
        current = asyncio.current_task()
        assert current is not None
        assert not current.cancelling()
    assert await late(deadlines, soon()) == "late"


async def test_closing_leaves_no_timer() -> None:
    deadlines = Deadlines()
    with deadlines.until(soon()):
        pass
    deadlines.close()
    deadlines.close()
    assert await late(deadlines, soon()) == "late"
