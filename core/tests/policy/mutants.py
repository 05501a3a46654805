"""Mistakes that the policy could contain, and the test that notices each."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from passpost._delivery import attempt, cooling, delivery, dispatch, once, records
from passpost._policy import decision, health, routes
from passpost._stores import rate

MODULES: Final = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        attempt, cooling, decision, delivery, dispatch, health, once, rate, records, routes,
    )
}  # fmt: skip


@attrs.frozen
class Mutant:
    """One mistake.

    Attributes:
        module: Where it is made.
        right: The source as it is; it occurs once.
        wrong: The mistake.
        test: The test that notices it: module and name.
        case: The arguments of that test.
    """

    module: str
    right: str
    wrong: str
    test: str
    case: dict[str, Any] = attrs.field(factory=dict)

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Put the mistake in place of the source, for as long as the block runs."""
        module = MODULES[self.module]
        source = inspect.getsource(module)
        if source.count(self.right) != 1:
            raise LookupError(f"{self.right!r} occurs {source.count(self.right)} times")
        mutated = types.ModuleType(module.__name__)
        exec(compile(source.replace(self.right, self.wrong), "mutant", "exec"), mutated.__dict__)  # noqa: S102 - this project's own source
        undo = list(_exchange(module, mutated))
        if not undo:
            raise LookupError("the mutant changes nothing")
        try:
            yield
        finally:
            for back in undo:
                back()


def _exchange(module: types.ModuleType, mutated: types.ModuleType) -> Iterator[Callable[[], None]]:
    """Exchange the code of functions in place, for all who hold them; yield what undoes it."""
    for name, value in list(vars(module).items()):
        other = getattr(mutated, name, None)
        if inspect.isfunction(value) and value.__module__ == module.__name__:
            yield from _recode(value, other)
        elif inspect.isclass(value) and value.__module__ == module.__name__:
            for attribute, method in vars(value).items():
                # What attrs writes differs in its file names only.
                if inspect.isfunction(method) and not attribute.startswith("__"):
                    yield from _recode(method, getattr(other, attribute))
        elif isinstance(value, int | float | frozenset) and value != other:
            setattr(module, name, other)
            yield lambda name=name, value=value: setattr(module, name, value)  # type: ignore[misc]


def _recode(function: Any, other: Any) -> Iterator[Callable[[], None]]:
    code = function.__code__
    if _parts(code) != _parts(other.__code__):
        function.__code__ = other.__code__
        yield lambda: setattr(function, "__code__", code)


def _parts(code: types.CodeType) -> tuple[Any, ...]:
    return (
        code.co_code,
        code.co_names,
        [_parts(part) if isinstance(part, types.CodeType) else part for part in code.co_consts],
    )


_UNKNOWN: Final = "(unknown or situation.in_doubt) and not rules.resend:"
_CLOSED: Final = "self._open_until = self._trial_until = self._cool_until = 0.0"
_TRIAL: Final = "self._trial_until = now + self._limits.recovery"
_SORTED: Final = "sorted(lanes, key=_is_cooling)"
_AGAIN: Final = "if isinstance(again, Retry) and again.wait < entered else NEXT"
_LATE: Final = "if self._clock.monotonic() + entered + self._rules.least > self._over:"

MUTANTS: Final = [
    # Scopes
    Mutant("decision", '({"recipient", "message"})', '({"recipient"})', "test_mailers:test_what_the_email_is_rejected_for_ends_the_send", {"scope": "message"}),
    Mutant("decision", '({"recipient", "message"})', '({"message"})', "test_mailers:test_what_the_email_is_rejected_for_ends_the_send", {"scope": "recipient"}),
    Mutant("decision", '({"recipient", "message"})', '({"recipient", "message", "account"})', "test_mailers:test_another_connector_helps_out_at_once", {"scope": "account", "temporary": True}),
    Mutant("decision", 'or result.scope == "account" or', "or", "test_decision:test_an_account_at_fault_is_not_asked_again", {"temporary": True}),
    Mutant("decision", " or not result.temporary:", ":", "test_decision:test_a_provider_at_fault_is_left_for_another_at_once", {"scope": "provider"}),
    Mutant("decision", "return again if result.temporary else STOP", "return STOP", "test_decision:test_what_the_email_is_rejected_for_meets_no_other_connector", {"scope": "recipient", "alternative": False}),
    # Waits
    Mutant("decision", "seconds_asked(result.retry_after), rules", "0.0, rules", "test_mailers:test_a_retry_is_the_same_email_to_the_last_byte"),
    Mutant("decision", "asked * (1 + _SPREAD * jitter)", "asked", "test_simulation:test_sends_that_failed_together_do_not_come_back_together", {"retry_after": 2.0}),
    Mutant("decision", "max(bound * jitter,", "max(bound,", "test_simulation:test_sends_that_failed_together_do_not_come_back_together", {"retry_after": None}),
    Mutant("decision", "float(2 ** min(tries - 1, 30))", "1.0", "test_decision:test_a_wait_is_any_time_up_to_a_bound_that_doubles"),
    Mutant("decision", "min(rules.longest, rules.initial", "max(0.0, rules.initial", "test_decision:test_a_wait_is_any_time_up_to_a_bound_that_doubles"),
    Mutant("decision", "min(max(0.0, retry_after), _LONGEST_ASKED)", "max(0.0, retry_after)", "test_decision:test_what_is_not_a_number_of_seconds_asks_for_none", {"asked": float("inf"), "seconds": 604_800}),
    Mutant("dispatch", "await self._clock.sleep(decision.wait)", "pass", "test_mailers:test_a_retry_is_the_same_email_to_the_last_byte"),
    # Deadline and number of tries
    Mutant("decision", "if wait + rules.least > situation.seconds_left:", "if False:", "test_mailers:test_nothing_is_attempted_after_the_deadline"),
    Mutant("decision", "wait + rules.least >", "wait >", "test_decision:test_a_wait_that_would_end_after_the_deadline_is_not_begun"),
    Mutant("decision", "situation.alternative and situation.seconds_left > 0", "situation.alternative", "test_decision:test_no_other_connector_is_asked_after_the_deadline"),
    Mutant("decision", "situation.tries >= rules.attempts", "situation.tries > rules.attempts", "test_decision:test_a_connector_is_asked_as_often_as_the_policy_says"),
    Mutant("dispatch", _LATE, "if entered == math.inf:", "test_limits:test_a_place_after_the_deadline_is_refused_beforehand"),
    # Unknown outcomes
    Mutant("decision", _UNKNOWN, "False:", "test_decision:test_an_unknown_outcome_ends_the_send"),
    Mutant("decision", _UNKNOWN, "unknown or situation.in_doubt:", "test_mailers:test_an_unknown_outcome_is_resent_only_where_the_policy_says_so"),
    Mutant("decision", _UNKNOWN, "unknown and not rules.resend:", "test_decision:test_once_in_doubt_no_rejection_leads_to_another_connector", {"scope": "account"}),
    Mutant("decision", "again if situation.recognizes and", "again if", "test_decision:test_an_unknown_outcome_ends_the_send"),
    Mutant("decision", "return again if again is not STOP else other", "return other", "test_decision:test_resend_asks_the_same_connector_first_and_then_the_next"),
    Mutant("decision", "elsewhere = rules.resend if", "elsewhere = True if", "test_decision:test_a_connector_that_recognizes_repetitions_is_asked_again_and_no_other"),
    Mutant("dispatch", "self._unknown = error", "pass", "test_known_bugs:test_what_may_have_been_sent_stays_unknown"),
    Mutant("dispatch", "error = self._unknown or last", "error = last", "test_known_bugs:test_what_may_have_been_sent_stays_unknown"),
    Mutant("dispatch", "if self._unknown and not (", "if False and not (", "test_mailers:test_it_is_not_asked_again_once_it_has_forgotten", {"window": 5.0, "tries": 1}),
    # The breaker
    Mutant("health", _TRIAL, "self._trial_until = 0.0", "test_health:test_one_of_a_thousand_tries_it"),
    Mutant("health", _TRIAL, 'self._trial_until = float("inf")', "test_health:test_a_trial_that_says_nothing_gives_its_place_back", {"ended": "hung"}),
    Mutant("health", "if now < self.asked_again_at():", "if True:", "test_mailers:test_the_breaker_opens_and_all_traffic_returns_to_the_first"),
    Mutant("health", "if now < self.asked_again_at():", "if False:", "test_health:test_one_of_a_thousand_tries_it"),
    Mutant("health", _CLOSED, "self._trial_until = 0.0", "test_health:test_a_trial_that_succeeds_brings_all_traffic_back"),
    Mutant("health", "self._failures = 0\n        " + _CLOSED, _CLOSED, "test_health:test_failures_in_a_row_open_the_breaker"),
    Mutant("health", "if epoch != self._epoch:", "if False:", "test_health:test_a_late_success_does_not_close_what_failed_since"),
    Mutant("health", "if epoch == self._epoch:", "if True:", "test_known_bugs:test_the_end_of_a_hung_trial_does_not_free_the_place_of_the_next"),
    Mutant("health", '{"provider", "network"}', '{"provider", "network", "recipient"}', "test_known_bugs:test_wrong_addresses_mark_no_connector_dead"),
    Mutant("health", 'result.outcome == "unknown" or result.scope', 'result.outcome == "rejected" and result.scope', "test_health:test_an_unknown_outcome_counts_as_a_failure"),
    Mutant("health", "min(seconds_asked(result.retry_after), longest))", "0.0)", "test_health:test_a_provider_that_asks_for_more_time_gets_it"),
    Mutant("health", "min(seconds_asked(result.retry_after), longest))", "seconds_asked(result.retry_after))", "test_known_bugs:test_no_connector_is_dropped_for_ever"),
    Mutant("dispatch", "place.settle(_ACCEPTED)", "place.release()", "test_mailers:test_the_breaker_opens_and_all_traffic_returns_to_the_first"),
    Mutant("dispatch", "place.release()\n                    if not lane", 'place.settle(Result("unknown"))\n                    if not lane', "test_mailers:test_a_cancelled_trial_gives_its_place_back"),
    Mutant("dispatch", "place.release()\n                    if not lane", "if not lane", "test_mailers:test_a_cancelled_trial_gives_its_place_back"),
    Mutant("dispatch", "if not isinstance(result, Receipt) and not lane.was_reached:", "if False:", "test_places:test_a_message_without_a_template_takes_no_place", {"stores": None}),
    Mutant("once", "            frees = True\n", "            frees = False\n", "test_lost_replies:test_a_send_that_was_cancelled_frees_its_key"),
    # Whose fault it is
    Mutant("dispatch", "if not lane.asked:", "if False:", "test_limits:test_a_defect_of_an_extension_is_nobodys_fault"),
    Mutant("dispatch", "if not lane.asked:", 'if str(error.provider_code).startswith("passpost."):', "test_limits:test_a_connector_cannot_excuse_itself_by_its_code"),
    # Accounts
    Mutant("health", "return self._cool(result, why)", "self._fail(result, why)", "test_health:test_an_account_at_fault_is_not_the_breakers_business"),
    Mutant("health", "if not wait or self.is_cooling():", "if not wait:", "test_mailers:test_an_account_at_fault_is_asked_last_and_told_once"),
    Mutant("health", "self._epoch += 1\n        self._note(why)\n        return True", "self._note(why)\n        return True", "test_mailers:test_one_accepted_of_many_under_way_does_not_end_the_cooldown"),
    Mutant("health", "if result.temporary:", "if False:", "test_health:test_a_temporary_account_fault_cools_for_as_long_as_the_provider_says"),
    Mutant("dispatch", _SORTED, "lanes", "test_mailers:test_an_account_at_fault_is_asked_last_and_told_once"),
    # Patience with those that hang
    Mutant("dispatch", "/ (others + 1) if others else None", "if others else None", "test_hanging:test_each_connector_that_can_be_asked_gets_an_equal_share", {"connectors": 2}),
    Mutant("dispatch", "(self._over - now) / (others + 1)", "self._over / (others + 1)", "test_hanging:test_each_connector_that_can_be_asked_gets_an_equal_share", {"connectors": 2}),
    Mutant("dispatch", "/ (others + 1) if others else None", "/ (others + 1)", "test_hanging:test_each_connector_that_can_be_asked_gets_an_equal_share", {"connectors": 2}),
    Mutant("dispatch", "other is not lane and other.name not in self._tries and", "other is not lane and", "test_hanging:test_the_last_one_has_the_rest"),
    Mutant("dispatch", "not in self._tries and self._is_alternative(other, now)", "not in self._tries", "test_hanging:test_a_connector_that_nobody_can_help_has_all_the_time_there_is"),
    # Routes, and what else a send needs
    Mutant("dispatch", _AGAIN, "if False else NEXT", "test_limits:test_a_backup_whose_rate_is_used_up_costs_no_email"),
    Mutant("dispatch", "if not isinstance(error, MessageError):", "if True:", "test_mailers:test_a_backup_without_the_template_does_not_end_the_send"),
    Mutant("dispatch", "self._attempts += result.attempts", "self._attempts = result.attempts", "test_known_bugs:test_the_error_of_all_holds_every_reason"),
    Mutant("routes", "first = max(", "first = min(", "test_routes:test_weights_share_exactly_and_evenly"),
    Mutant("routes", "self._current[first] -= self._total", "pass", "test_routes:test_weights_share_exactly_and_evenly"),
    Mutant("routes", "name for name in self._names if", "name for name in reversed(self._names) if", "test_routes:test_behind_the_chosen_one_the_others_keep_their_order"),
    Mutant("routes", "self._routes.get(usage, self._default)", "self._default", "test_routes:test_a_usage_has_its_own_route_and_a_star_serves_the_others"),
    # What went wrong elsewhere: each test of it notices a mistake of that kind
    Mutant("dispatch", "retry_after=seconds if seconds < math.inf else None", "retry_after=None", "test_known_bugs:test_when_all_are_dead_the_error_says_when_to_come_back"),
    Mutant("health", "self._open_until = self._clock.monotonic() + wait", 'self._open_until = float("inf")', "test_known_bugs:test_the_backup_does_not_stay_the_first_for_ever"),
    Mutant("health", "self._open_until = self._clock.monotonic() + wait", "self._open_until = self._clock.monotonic()", "test_known_bugs:test_each_mailer_tries_a_broken_connector_once_a_period"),
    Mutant("routes", "            return self._names", "            return self._names[::-1]", "test_known_bugs:test_failover_always_begins_with_the_first"),
    Mutant("records", 'logging.WARNING, "accepted, after', 'logging.INFO, "accepted, after', "test_known_bugs:test_a_failure_that_the_backup_hides_is_told"),
    Mutant("attempt", "sent=self._called, left=self.may_have_left", "sent=False, left=False", "test_known_bugs:test_foreign_exceptions_do_not_bypass_the_failover"),
    Mutant("health", "wait = self._limits.account_cooldown", "wait = 0.0", "test_known_bugs:test_a_server_that_rejects_the_sender_is_asked_last"),
    Mutant("attempt", 'outcome="unknown" if self.may_have_left else "rejected"', 'outcome="rejected"', "test_known_bugs:test_a_timeout_after_the_email_was_taken_sends_no_second_copy"),
    Mutant("once", "await self._store.finish(key, token, record)", "await self._store.forget(key, token)", "test_known_bugs:test_a_note_that_fails_after_acceptance_sends_nothing_again"),
    Mutant("rate", "            return wait", "            return 0.0", "test_known_bugs:test_waiting_emails_are_not_released_all_at_once"),
    Mutant("cooling", "raise Throttled(left)\n        return cooled\n\n    async def begin(", "return cooled\n        return cooled\n\n    async def begin(", "test_known_bugs:test_a_limit_is_never_silent_and_never_leads_elsewhere"),
    Mutant("delivery", "await self._cooling.begin(message, self._clock.monotonic() + self._policy.timeout)", "pass", "test_known_bugs:test_a_limit_does_not_tell_who_is_registered"),
    Mutant("cooling", "if cooled is not FREE and nothing_was_sent(error):", "if False:", "test_known_bugs:test_an_outage_locks_nobody_out"),
]  # fmt: skip
