"""A connector that fails is left alone, is tried by exactly one email, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from virtual_time import VirtualClock, run

from passpost._policy.decision import Result
from passpost._policy.health import Health, Limits, Place

ACCEPTED = Result("accepted")
DOWN = Result("rejected", "network", temporary=True)
LOCKED = Result("rejected", "account")
WRONG = Result("rejected", "recipient")

Scene = Callable[[Health, VirtualClock], Coroutine[Any, Any, None]]


def on_virtual_time(scene: Scene) -> Callable[[], None]:
    """Run a scene with a fresh connector: 3 failures, 10 s of recovery, 60 s of cooldown."""

    def test() -> None:
        clock = VirtualClock()
        run(scene(Health(Limits(failures=3, recovery=10, account_cooldown=60), clock), clock))

    test.__name__ = scene.__name__
    return test


def entered(health: Health) -> Place:
    place = health.enter()
    assert place is not None
    return place


def break_(health: Health) -> None:
    for _ in range(3):
        entered(health).settle(DOWN, "connection refused")


@on_virtual_time
async def test_failures_in_a_row_open_the_breaker(health: Health, clock: VirtualClock) -> None:
    for result in (DOWN, DOWN, ACCEPTED, DOWN, DOWN):
        entered(health).settle(result)
    assert health.show().state == "healthy"
    entered(health).settle(DOWN, "connection refused")
    shown = health.show()
    assert (shown.state, shown.why) == ("open", "connection refused")
    assert shown.since == clock.now()
    assert health.enter() is None


@on_virtual_time
async def test_an_unknown_outcome_counts_as_a_failure(health: Health, clock: VirtualClock) -> None:
    for _ in range(3):
        entered(health).settle(Result("unknown", "network"))
    assert health.enter() is None


@on_virtual_time
async def test_one_of_a_thousand_tries_it(health: Health, clock: VirtualClock) -> None:
    break_(health)
    await clock.sleep(10)
    assert len([place for place in (health.enter() for _ in range(1_000)) if place]) == 1
    assert health.show().state == "trial"


@on_virtual_time
async def test_a_trial_that_succeeds_brings_all_traffic_back(
    health: Health, clock: VirtualClock
) -> None:
    break_(health)
    await clock.sleep(10)
    entered(health).settle(ACCEPTED)
    assert all(health.enter() for _ in range(100))
    shown = health.show()
    assert (shown.state, shown.why, shown.last_success) == ("healthy", "", clock.now())


@on_virtual_time
async def test_a_trial_that_fails_opens_it_for_another_period(
    health: Health, clock: VirtualClock
) -> None:
    break_(health)
    await clock.sleep(10)
    entered(health).settle(DOWN)
    await clock.sleep(9)
    assert health.enter() is None
    await clock.sleep(1)
    assert health.enter() is not None


@on_virtual_time
async def test_a_provider_that_asks_for_more_time_gets_it(
    health: Health, clock: VirtualClock
) -> None:
    break_(health)
    await clock.sleep(10)
    entered(health).settle(Result("rejected", "provider", temporary=True, retry_after=100))
    await clock.sleep(99)
    assert health.enter() is None
    await clock.sleep(1)
    assert health.enter() is not None


@pytest.mark.parametrize("ended", ["cancelled", "wrong recipient", "hung"])
def test_a_trial_that_says_nothing_gives_its_place_back(ended: str) -> None:
    async def scene() -> None:
        clock = VirtualClock()
        health = Health(Limits(failures=3, recovery=10), clock)
        break_(health)
        await clock.sleep(10)
        trial = entered(health)
        assert health.enter() is None
        if ended == "cancelled":
            trial.release()
        elif ended == "wrong recipient":
            trial.settle(WRONG)
        else:
            await clock.sleep(10)
        another = entered(health)
        if ended == "hung":
            # What the hung one comes to, at last, counts for nothing.
            trial.settle(ACCEPTED)
            assert health.enter() is None
            trial.settle(DOWN)
        another.settle(ACCEPTED)
        assert health.show().state == "healthy"

    run(scene())


@on_virtual_time
async def test_a_late_success_does_not_close_what_failed_since(
    health: Health, clock: VirtualClock
) -> None:
    early = entered(health)
    break_(health)
    early.settle(ACCEPTED)
    assert health.enter() is None


@on_virtual_time
async def test_a_late_failure_does_not_open_what_works_again(
    health: Health, clock: VirtualClock
) -> None:
    early = [entered(health) for _ in range(5)]
    break_(health)
    await clock.sleep(10)
    entered(health).settle(ACCEPTED)
    for place in early:
        place.settle(DOWN)
    assert health.enter() is not None


@on_virtual_time
async def test_wrong_recipients_and_cancellations_never_open_it(
    health: Health, clock: VirtualClock
) -> None:
    for _ in range(1_000):
        entered(health).settle(WRONG)
        entered(health).release()
    assert health.enter() is not None
    assert health.show().state == "healthy"


@on_virtual_time
async def test_an_account_at_fault_cools_down_and_says_so_once(
    health: Health, clock: VirtualClock
) -> None:
    places = [entered(health) for _ in range(10)]
    assert [place.settle(LOCKED, "535") for place in places].count(True) == 1
    shown = health.show()
    assert (shown.state, shown.why) == ("cooling", "535")
    await clock.sleep(59)
    assert health.is_cooling()
    await clock.sleep(1)
    assert not health.is_cooling()
    assert entered(health).settle(LOCKED) is True


@on_virtual_time
async def test_an_account_at_fault_is_not_the_breakers_business(
    health: Health, clock: VirtualClock
) -> None:
    for result in (DOWN, DOWN, *[LOCKED] * 10):
        entered(health).settle(result)
    assert all(health.enter() for _ in range(10))
    entered(health).settle(ACCEPTED)
    assert health.show().state == "healthy"
    assert health.show().last_success == clock.now()


@on_virtual_time
async def test_a_temporary_account_fault_cools_for_as_long_as_the_provider_says(
    health: Health, clock: VirtualClock
) -> None:
    entered(health).settle(Result("rejected", "account", temporary=True, retry_after=5))
    await clock.sleep(5)
    assert not health.is_cooling()
    entered(health).settle(Result("rejected", "account", temporary=True))
    await clock.sleep(9)
    assert health.is_cooling()
    await clock.sleep(1)
    assert not health.is_cooling()


def test_both_can_be_switched_off() -> None:
    async def scene() -> None:
        health = Health(Limits(failures=0, account_cooldown=0), VirtualClock())
        for _ in range(100):
            entered(health).settle(DOWN)
            assert entered(health).settle(LOCKED) is False
        assert health.show().state == "healthy"

    run(scene())


def test_the_wall_clock_moves_nothing() -> None:
    async def scene() -> None:
        clock = VirtualClock()
        health = Health(Limits(failures=3, recovery=10), clock)
        break_(health)
        clock.step = 90
        assert health.enter() is None
        clock.step = -90
        await asyncio.sleep(10)
        assert health.enter() is not None

    run(scene())
