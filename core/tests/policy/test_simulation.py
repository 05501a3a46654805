"""Thousands of sends through providers that fail in every way; ``make simulate`` runs more."""

from __future__ import annotations

from collections import Counter

import pytest
from simulation import (
    CHI_SQUARED,
    PER_SECOND,
    World,
    anything,
    faults,
    spread,
    trials,
    worlds,
)
from virtual_time import run


@pytest.mark.parametrize("seed", range(1, 201, 20))
def test_nothing_happens_that_must_never_happen(seed: int) -> None:
    results: Counter[str] = Counter()
    for world, sends in worlds(3_200, seed):
        run(world.play(sends, PER_SECOND, anything))
        assert faults(world) == []
        results.update(email.result for email in world.emails)
    # A simulation in which nothing goes wrong, or nothing right, would hold nothing.
    assert set(results) >= {"accepted", "rejected", "unknown", "unavailable"}


def test_a_world_can_be_repeated() -> None:
    def play() -> list[str]:
        ((world, sends),) = worlds(3_200, 5)[4:5]
        run(world.play(sends, PER_SECOND, anything))
        return [email.result for email in world.emails]

    assert play() == play()
    assert isinstance(worlds(16)[0][0], World)


def test_exactly_one_of_a_thousand_tries_a_connector_each_period() -> None:
    assert trials() == []


@pytest.mark.parametrize("retry_after", [None, 2.0, 10.0])
def test_sends_that_failed_together_do_not_come_back_together(retry_after: float | None) -> None:
    assert spread(retry_after) < CHI_SQUARED
