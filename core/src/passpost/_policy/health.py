"""Whether a connector may be asked now: its circuit breaker, and the cooldown of its account."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, Literal

import attrs

from passpost._policy.decision import Result, seconds_asked

if TYPE_CHECKING:
    from passpost._policy.clock import Clock

_PATIENCE: Final = 10
"""Recovery periods after which a provider is tried again, however long it asked to wait."""

State = Literal["healthy", "cooling", "open", "trial"]


@attrs.frozen(kw_only=True)
class ConnectorHealth:
    """How one connector of a mailer does, at one moment.

    Attributes:
        state: ``healthy``; ``cooling``: its account was at fault, so others are asked first;
            ``open``: the provider failed several times in a row; ``trial``: one email tries it.
        why: What the last failure said, cleared of secrets and payload; empty while healthy.
        since: When it left ``healthy``, in UTC; None while healthy.
        last_success: When it accepted an email last, in UTC; None if it never did.
        next_trial: When it is asked again as before, in UTC; None while healthy.
    """

    state: State = "healthy"
    why: str = ""
    since: dt.datetime | None = None
    last_success: dt.datetime | None = None
    next_trial: dt.datetime | None = None


@attrs.frozen(kw_only=True)
class Limits:
    """When a connector is left alone, or asked last.

    Attributes:
        failures: Failures in a row after which it is left alone; 0 for never.
        recovery: Seconds until one email tries it again.
        account_cooldown: Seconds after a fault of its account for which others are asked first.
    """

    failures: int = 5
    recovery: float = 30.0
    account_cooldown: float = 300.0


class Health:
    """The state of one connector, fed with the results of all emails that go through it.

    While the breaker is open, exactly one email at a time may try the connector. Its place comes
    back when it succeeds, fails, is cancelled or meets a wrong recipient; a trial that hangs loses
    its place after ``recovery`` seconds. A call that began before the state changed counts for
    nothing when it ends: a late success does not close what failed since, nor does a late failure
    open what works again.

    An account at fault is not a reason to reject an email: a connector whose account cools down is
    asked when no other can be.

    Args:
        limits: When the connector is left alone.
        clock: The time.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._failures = 0
        self._epoch = 0
        self._open_until = 0.0
        """When the breaker, being open, lets a trial through; 0 while it is closed."""
        self._trial_until = 0.0
        """When a trial under way loses its place; 0 without one."""
        self._cool_until = 0.0
        self._why = ""
        self._since: dt.datetime | None = None
        self._last_success: float | None = None
        self._place = Place(self, 0)

    def enter(self) -> Place | None:
        """Return a place for one attempt, or None where the connector must not be asked now."""
        if self._open_until:
            now = self._clock.monotonic()
            if now < self.asked_again_at():
                return None
            self._trial_until = now + self._limits.recovery
            self._epoch += 1
        # All emails of an epoch have the same, which holds nothing of them.
        if self._place.epoch != self._epoch:
            self._place = Place(self, self._epoch)
        return self._place

    def asked_again_at(self) -> float:
        """Return when the connector may be asked, in the clock's monotonic seconds; 0 for now."""
        return max(self._open_until, self._trial_until)

    def is_cooling(self) -> bool:
        """Return whether its account was at fault a while ago: others are asked before it."""
        return bool(self._cool_until) and self._clock.monotonic() < self._cool_until

    def settle(self, epoch: int, result: Result, why: str) -> bool:
        """Take note of what an attempt came to.

        Returns:
            Whether the account went into its cooldown by it: worth telling somebody, once.
        """
        if epoch != self._epoch:
            return False
        if result.outcome == "accepted":
            self._recover()
        elif result.outcome == "rejected" and result.scope == "account":
            return self._cool(result, why)
        elif result.outcome == "unknown" or result.scope in {"provider", "network"}:
            self._fail(result, why)
        else:
            self.release(epoch)
        return False

    def release(self, epoch: int) -> None:
        """Take back a place whose attempt says nothing about the connector."""
        if epoch == self._epoch:
            self._trial_until = 0.0

    def show(self) -> ConnectorHealth:
        """Return how the connector does."""
        state: State = "healthy"
        again = self.asked_again_at()
        if again:
            state = "trial" if self._trial_until else "open"
        elif self.is_cooling():
            state, again = "cooling", self._cool_until
        else:
            return ConnectorHealth(last_success=self._wall_time(self._last_success))
        wait = max(0.0, again - self._clock.monotonic())
        return ConnectorHealth(
            state=state,
            why=self._why,
            since=self._since,
            last_success=self._wall_time(self._last_success),
            next_trial=self._clock.now() + dt.timedelta(seconds=wait),
        )

    def _wall_time(self, moment: float | None) -> dt.datetime | None:
        if moment is None:
            return None
        return self._clock.now() - dt.timedelta(seconds=self._clock.monotonic() - moment)

    def _recover(self) -> None:
        self._failures = 0
        self._open_until = self._trial_until = self._cool_until = 0.0
        self._last_success = self._clock.monotonic()

    def _fail(self, result: Result, why: str) -> None:
        self._failures += 1
        if not self._limits.failures:
            return
        if self._open_until or self._failures >= self._limits.failures:
            longest = _PATIENCE * self._limits.recovery
            wait = max(self._limits.recovery, min(seconds_asked(result.retry_after), longest))
            if not self._open_until:
                self._note(why)
            self._open_until = self._clock.monotonic() + wait
            self._trial_until = 0.0
            self._epoch += 1

    def _cool(self, result: Result, why: str) -> bool:
        self.release(self._epoch)
        wait = self._limits.account_cooldown
        if not wait or self.is_cooling():
            return False
        if result.temporary:
            wait = seconds_asked(result.retry_after) or min(wait, self._limits.recovery)
        self._cool_until = self._clock.monotonic() + wait
        # What began before may yet be accepted, and does not end the cooldown.
        self._epoch += 1
        self._note(why)
        return True

    def _note(self, why: str) -> None:
        self._why = why
        self._since = self._clock.now()


@attrs.frozen
class Place:
    """The permission for one attempt; it is given back once, with what came of the attempt.

    Attributes:
        epoch: The state of the connector that it was given out in.
    """

    _health: Health
    epoch: int

    def settle(self, result: Result, why: str = "") -> bool:
        """Return it with a result; see `Health.settle`."""
        return self._health.settle(self.epoch, result, why)

    def release(self) -> None:
        """Return it without one: the attempt was cancelled, or never made."""
        self._health.release(self.epoch)
