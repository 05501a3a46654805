"""The policy, row by row of its table, and what holds for every row."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passpost._policy.decision import (
    NEXT,
    STOP,
    Decision,
    Result,
    Retry,
    Rules,
    Situation,
    decide,
    seconds_asked,
    wait_before,
)

ACCEPTED = Result("accepted")
DEFAULT = Rules()
RESEND = Rules(resend=True)


def rejected(scope: Any, *, temporary: bool = False, retry_after: float | None = None) -> Result:
    return Result("rejected", scope, temporary, retry_after)


UNKNOWN = Result("unknown", "network", temporary=True)


def after(
    result: Result, rules: Rules = DEFAULT, jitter: float = 0.5, **situation: Any
) -> Decision:
    known: dict[str, Any] = {"tries": 1, "seconds_left": 25.0, **situation}
    return decide(result, Situation(**known), rules, jitter)


@pytest.mark.parametrize("alternative", [False, True])
def test_an_accepted_email_ends_the_send(*, alternative: bool) -> None:
    assert after(ACCEPTED, alternative=alternative) is STOP


@pytest.mark.parametrize("scope", ["recipient", "message"])
@pytest.mark.parametrize("alternative", [False, True])
def test_what_the_email_is_rejected_for_meets_no_other_connector(
    scope: str, *, alternative: bool
) -> None:
    assert after(rejected(scope), alternative=alternative) is STOP
    again = after(rejected(scope, temporary=True), alternative=alternative)
    assert isinstance(again, Retry)
    assert not again.elsewhere


@pytest.mark.parametrize("temporary", [False, True])
def test_an_account_at_fault_is_not_asked_again(*, temporary: bool) -> None:
    assert after(rejected("account", temporary=temporary), alternative=True) is NEXT
    assert after(rejected("account", temporary=temporary)) is STOP


@pytest.mark.parametrize("scope", ["provider", "network"])
def test_a_provider_at_fault_is_left_for_another_at_once(scope: str) -> None:
    for temporary in (False, True):
        assert after(rejected(scope, temporary=temporary), alternative=True) is NEXT
    assert after(rejected(scope)) is STOP
    again = after(rejected(scope, temporary=True))
    assert isinstance(again, Retry)
    assert again.elsewhere


def test_an_unknown_outcome_ends_the_send() -> None:
    assert after(UNKNOWN) is STOP
    assert after(UNKNOWN, alternative=True) is STOP


def test_a_connector_that_recognizes_repetitions_is_asked_again_and_no_other() -> None:
    again = after(UNKNOWN, recognizes=True, alternative=True)
    assert isinstance(again, Retry)
    assert not again.elsewhere
    assert after(UNKNOWN, recognizes=True, alternative=True, tries=3) is STOP


def test_resend_asks_the_same_connector_first_and_then_the_next() -> None:
    again = after(UNKNOWN, RESEND, alternative=True)
    assert isinstance(again, Retry)
    assert again.elsewhere
    assert after(UNKNOWN, RESEND, alternative=True, tries=3) is NEXT
    assert after(UNKNOWN, RESEND, tries=3) is STOP


@pytest.mark.parametrize("scope", ["account", "provider", "network"])
def test_once_in_doubt_no_rejection_leads_to_another_connector(scope: str) -> None:
    doubtful: dict[str, Any] = {"in_doubt": True, "alternative": True}
    assert after(rejected(scope), **doubtful) is STOP
    assert after(rejected(scope, temporary=True), **doubtful) is STOP
    again = after(rejected(scope, temporary=True), recognizes=True, **doubtful)
    assert isinstance(again, Retry)
    assert not again.elsewhere
    assert after(rejected(scope), RESEND, **doubtful) is NEXT


def test_a_connector_is_asked_as_often_as_the_policy_says() -> None:
    throttled = rejected("provider", temporary=True)
    assert isinstance(after(throttled, tries=2), Retry)
    assert after(throttled, tries=3) is STOP
    assert after(throttled, Rules(attempts=1)) is STOP


def test_a_wait_that_would_end_after_the_deadline_is_not_begun() -> None:
    for asked, left in ((3_600.0, 60.0), (24.1, 25.0), (math.inf, 86_400.0)):
        throttled = rejected("provider", temporary=True, retry_after=asked)
        assert after(throttled, seconds_left=left, jitter=0.0) is STOP
    again = after(rejected("provider", temporary=True, retry_after=20.0), jitter=0.0)
    assert again == Retry(20.0, elsewhere=True)


def test_no_other_connector_is_asked_after_the_deadline() -> None:
    for error in (rejected("account"), rejected("provider", temporary=True)):
        assert after(error, seconds_left=0.0, alternative=True) is STOP
        assert after(error, seconds_left=0.1, alternative=True) is NEXT


def test_a_wait_is_any_time_up_to_a_bound_that_doubles() -> None:
    rules = Rules(initial=0.5, longest=3.0)
    assert [wait_before(tries, 0, rules, 1.0) for tries in (1, 2, 3, 4, 100)] == [0.5, 1, 2, 3, 3]
    assert wait_before(4, 0, rules, 0.0) == 0


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 0), (0, 0), (-5, 0), (math.nan, 0), (2, 2), (math.inf, 604_800), (1e300, 604_800)],
)
def test_what_is_not_a_number_of_seconds_asks_for_none(asked: float | None, seconds: float) -> None:
    assert seconds_asked(asked) == seconds


@given(
    result=st.builds(
        Result,
        st.sampled_from(["accepted", "rejected", "unknown"]),
        st.sampled_from(["recipient", "message", "account", "provider", "network"]),
        st.booleans(),
        st.none() | st.floats(),
    ),
    situation=st.builds(
        Situation,
        tries=st.integers(1, 5),
        seconds_left=st.floats(-10, 100),
        alternative=st.booleans(),
        recognizes=st.booleans(),
        in_doubt=st.booleans(),
    ),
    rules=st.builds(Rules, attempts=st.integers(1, 5), resend=st.booleans()),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_no_decision_breaks_a_promise(
    result: Result, situation: Situation, rules: Rules, jitter: float
) -> None:
    decision = decide(result, situation, rules, jitter)
    doubtful = situation.in_doubt or result.outcome == "unknown"
    if isinstance(decision, Retry):
        assert decision.wait + rules.least <= situation.seconds_left
        assert decision.wait >= seconds_asked(result.retry_after)
        assert situation.tries < rules.attempts
        assert not (doubtful and not rules.resend and not situation.recognizes)
        assert not (doubtful and not rules.resend and decision.elsewhere)
    if decision is NEXT:
        assert situation.alternative
        assert not doubtful or rules.resend
        assert result.outcome == "unknown" or result.scope not in {"recipient", "message"}
