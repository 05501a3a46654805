"""One send: attempts through one connector after another, until the policy says stop.

`decide` says what comes after each attempt; what is here carries it out. Time is read and waited
for through the clock alone, and an attempt is whatever a lane makes of it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import attrs

from passpost._messages.messages import Receipt
from passpost._phrases import _, said
from passpost._plugins.interruptions import note_unsent
from passpost._policy.clock import Clock
from passpost._policy.decision import NEXT, STOP, Result, Retry, Rules, Situation, decide
from passpost._policy.health import Health, Place
from passpost._wording import enumerated
from passpost.errors import Attempt, MessageError, PasspostError, SendError

UNAVAILABLE: Final = "passpost.unavailable"

_LOOK_AGAIN: Final = 1.0
"""Seconds after which a send that waits for a connector looks whether it recovered sooner."""


class Lane(Protocol):
    """One connector, for one email."""

    @property
    def name(self) -> str:
        """The connector's name."""
        ...

    @property
    def health(self) -> Health:
        """Whether it may be asked now."""
        ...

    @property
    def recognizes_repetitions(self) -> bool:
        """Whether it sends an email once, however often it is asked."""
        ...

    @property
    def asked(self) -> bool:
        """Whether the last attempt got as far as the connector: else it is nobody's fault."""
        ...

    @property
    def may_have_left(self) -> bool:
        """Whether the last attempt may have sent the email, once it is over."""
        ...

    @property
    def was_reached(self) -> bool:
        """Whether the provider may know of the last attempt, once it failed."""
        ...

    @property
    def has_rate(self) -> bool:
        """Whether a place has to be taken before an attempt."""
        ...

    def takes_now(self) -> bool:
        """Take one of the places that the connector's rate has, if nothing has to be awaited."""
        ...

    async def take(self) -> float:
        """Take one of the places that the connector's rate has.

        Returns:
            0 with a place taken; else the seconds after which to ask again.

        Raises:
            SendError: Nobody knows whether there is a place.
        """
        ...

    def give_back(self) -> None:
        """Return the place that was taken last, for an attempt that was not made."""
        ...

    def attempt(self, number: int, patience: float | None) -> Awaitable[Receipt | PasspostError]:
        """Make one attempt, and return what it came to.

        Args:
            number: Which attempt of the send it is, counted from 1.
            patience: Seconds within which the email has to be on its way, since another connector
                can still be asked; None where none can.
        """
        ...


@attrs.define(eq=False)
class Dispatch:
    """One send under way.

    Args:
        lanes: The connectors, in order of preference.
        rules: The settings.
        clock: The time.
        over: The deadline, in the clock's monotonic seconds.
        cooled: Called with a connector's name and its error when its account begins to cool down.
        jitter: Returns random numbers of [0, 1).
    """

    _lanes: Sequence[Lane]
    _rules: Rules
    _clock: Clock
    _over: float
    _cooled: Callable[[str, SendError], object]
    _jitter: Callable[[], float] = random.random
    _tries: dict[str, int] = attrs.field(factory=dict, init=False)
    _attempts: tuple[Attempt, ...] = attrs.field(default=(), init=False)
    _unknown: SendError | None = attrs.field(default=None, init=False)
    _in_doubt: bool = attrs.field(default=False, init=False)
    """Whether an attempt that was interrupted may have sent the email."""
    _unfit: frozenset[str] = attrs.field(default=frozenset(), init=False)
    """Connectors that this message cannot become an email for."""
    _refusal: SendError | None = attrs.field(default=None, init=False)
    """Why nobody knows whether a connector's rate has a place."""

    async def run(self) -> Receipt:
        """Send, and return the receipt.

        Raises:
            SendError: No connector accepted the email, or nobody knows whether one did.
            PasspostError: Whatever else an attempt came to.
            BaseException: What interrupted it, with the note that nothing was sent if that is so.
        """
        failed: tuple[Lane, SendError] | None = None
        # Here and not in a function around this one: each costs every email a little.
        try:
            lane, place = self._enter_first() or await self._enter(self._lanes, None)
            while True:
                try:
                    result = await lane.attempt(self._begin(lane), self._patience(lane))
                except BaseException:
                    self._in_doubt = lane.may_have_left
                    place.release()
                    if not lane.was_reached:
                        lane.give_back()
                    raise
                self._note(lane, place, result)
                if isinstance(result, Receipt):
                    if len(self._attempts) == 1:
                        return result
                    return attrs.evolve(result, attempts=self._attempts)
                failed = self._weigh(lane, result, failed)
                lane, place = await self._go_on(*failed)
        except PasspostError:
            raise
        except BaseException as interruption:
            if not self._in_doubt and self._unknown is None:
                note_unsent(interruption)
            raise

    def _weigh(
        self, lane: Lane, error: PasspostError, failed: tuple[Lane, SendError] | None
    ) -> tuple[Lane, SendError]:
        """Return the attempt that decides what comes next: this one, or the one before it.

        Raises:
            PasspostError: Nothing comes next.
        """
        if isinstance(error, SendError):
            return lane, error
        if failed is None:
            raise error
        if not isinstance(error, MessageError):
            raise self._outcome(failed[1])
        # A connector further down the route may lack a template; others do not.
        self._unfit |= {lane.name}
        return failed

    async def _go_on(self, lane: Lane, error: SendError) -> tuple[Lane, Place]:
        """Return what comes after an attempt that failed: the lane to ask, and a place in it.

        Raises:
            SendError: Nothing does.
        """
        others = [other for other in self._lanes if other is not lane]
        situation, result, jitter = self._situation(lane), _result(error), self._jitter()
        if error.outcome == "unknown":
            self._unknown = error
        decision = decide(result, situation, self._rules, jitter)
        if decision is NEXT:
            entered = await self._look(others)
            if isinstance(entered, tuple):
                return entered
            # The others' rates are used up: the same connector may be the sooner one to ask.
            alone = attrs.evolve(situation, alternative=False)
            again = decide(result, alone, self._rules, jitter)
            decision = again if isinstance(again, Retry) and again.wait < entered else NEXT
        if decision is STOP:
            raise self._outcome(error)
        if isinstance(decision, Retry):
            await self._clock.sleep(decision.wait)
            others = [lane, *others] if decision.elsewhere else [lane]
        return await self._enter(others, error)

    def _begin(self, lane: Lane) -> int:
        """Count one more attempt, and return its number."""
        self._tries[lane.name] = self._tries.get(lane.name, 0) + 1
        # A template that was missing used up a try, and made no attempt.
        return len(self._attempts) + 1

    def _patience(self, lane: Lane) -> float | None:
        """Return the seconds that an attempt may wait for its connector; None for all there are.

        A connector that hangs gets its share, so that each other one can be asked in time.
        """
        if len(self._lanes) == 1:
            return None
        now = self._clock.monotonic()
        others = sum(
            other is not lane and other.name not in self._tries and self._is_alternative(other, now)
            for other in self._lanes
        )
        return (self._over - now) / (others + 1) if others else None

    def _note(self, lane: Lane, place: Place, result: Receipt | PasspostError) -> None:
        """Note what an attempt came to, and give its place back."""
        if isinstance(result, (Receipt, SendError)):
            self._attempts += result.attempts
        if isinstance(result, Receipt):
            place.settle(_ACCEPTED)
        elif isinstance(result, SendError):
            self._settle(lane, place, result)
        else:
            place.release()
        # What the provider knows nothing of takes nothing of its rate.
        if not isinstance(result, Receipt) and not lane.was_reached:
            lane.give_back()

    def _settle(self, lane: Lane, place: Place, error: SendError) -> None:
        if not lane.asked:
            place.release()
        elif place.settle(_result(error), said(error)):
            self._cooled(lane.name, error)

    def _situation(self, lane: Lane) -> Situation:
        """Return what the policy looks at beside the last attempt."""
        now = self._clock.monotonic()
        return Situation(
            tries=self._tries[lane.name],
            seconds_left=self._over - now,
            alternative=any(
                other is not lane and self._is_alternative(other, now) for other in self._lanes
            ),
            recognizes=lane.recognizes_repetitions,
            in_doubt=self._unknown is not None,
        )

    def _enter_first(self) -> tuple[Lane, Place] | None:
        """Return the first lane and a place in it where no look at the others is needed.

        Nearly all emails get it so: what need not be awaited costs each of them less.
        """
        first = self._lanes[0]
        if first.health.is_cooling() or (place := first.health.enter()) is None:
            return None
        if first.has_rate and not first.takes_now():
            place.release()
            return None
        return first, place

    async def _enter(self, lanes: Sequence[Lane], error: SendError | None) -> tuple[Lane, Place]:
        """Return the first lane that may be asked, and a place in it; wait for one if need be.

        Args:
            lanes: Those to choose from, in order of preference.
            error: What the last attempt came to; None before the first.

        Raises:
            SendError: None may be asked before the deadline.
        """
        while True:
            entered = await self._look(lanes)
            if isinstance(entered, tuple):
                return entered
            if self._clock.monotonic() + entered + self._rules.least > self._over:
                raise self._outcome(error or self._refusal or _unavailable(lanes, entered))
            await self._clock.sleep(min(entered, _LOOK_AGAIN))

    async def _look(self, lanes: Sequence[Lane]) -> tuple[Lane, Place] | float:
        """Return the first lane that may be asked now, or the seconds until one may be."""
        earliest = math.inf
        if len(lanes) > 1:
            lanes = sorted(lanes, key=_is_cooling)
        for lane in filter(self._may_be_asked, lanes):
            # Nearly always 0: then the time is of no interest.
            wait = lane.health.asked_again_at()
            wait = wait and wait - self._clock.monotonic()
            try:
                if wait <= 0 and not (wait := await lane.take() if lane.has_rate else 0.0):
                    place = lane.health.enter()
                    if place is not None:
                        return lane, place
                    lane.give_back()
            except SendError as error:
                self._refusal, wait = error, math.inf
            earliest = min(earliest, wait)
        return earliest

    def _is_alternative(self, lane: Lane, now: float) -> bool:
        if not self._may_be_asked(lane) or lane.health.asked_again_at() > now:
            return False
        # An account at fault is asked once: better late than no email.
        return lane.name not in self._tries or not lane.health.is_cooling()

    def _may_be_asked(self, lane: Lane) -> bool:
        # Looked at after each wait: a provider recognizes repetitions for a while only.
        if self._unknown and not (self._rules.resend or lane.recognizes_repetitions):
            return False
        return lane.name not in self._unfit and (
            self._tries.get(lane.name, 0) < self._rules.attempts
        )

    def _outcome(self, last: SendError) -> SendError:
        """Return the error of the whole send.

        Once nobody knows whether an attempt succeeded, no later rejection makes up for it.
        """
        error = self._unknown or last
        error.attempts = self._attempts
        return error


def _is_cooling(lane: Lane) -> bool:
    return lane.health.is_cooling()


_ACCEPTED: Final = Result("accepted")


def _result(error: SendError) -> Result:
    return Result(error.outcome, error.scope, error.temporary, error.retry_after)


def _unavailable(lanes: Sequence[Lane], seconds: float) -> SendError:
    names = enumerated(
        _("{name} ({why})", name=lane.name, why=lane.health.show().why or _("its rate"))
        for lane in lanes
    )
    return SendError(
        _("no connector may be asked before the deadline: {names}", names=names),
        outcome="rejected",
        scope="provider",
        temporary=True,
        retry_after=seconds if seconds < math.inf else None,
        provider_code=UNAVAILABLE,
        hint=_("The next attempt is made when the time in `retry_after` has passed."),
    )
