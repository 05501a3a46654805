"""The delivery policy: one function from what an attempt came to to what comes next.

| outcome  | scope              | temporary | next                                             |
|----------|--------------------|-----------|--------------------------------------------------|
| accepted |                    |           | stop                                             |
| rejected | recipient, message | no        | stop                                             |
| rejected | recipient, message | yes       | the same again: others meet the same server      |
| rejected | account            | any       | the next connector; without one, stop            |
| rejected | provider, network  | yes       | the next connector; without one, the same again  |
| rejected | provider, network  | no        | the next connector; without one, stop            |
| unknown  | any                | any       | one that recognizes repetitions: the same again  |
|          |                    |           | ``resend``: the same again, then the next        |
|          |                    |           | else stop                                        |

"Next" becomes "stop" once the deadline has passed.

"Again" waits: full jitter over a doubling bound, and never less than ``retry_after``. It becomes
"stop" where the connector was asked often enough, or where the wait would end after the deadline.

Once nobody knows whether an attempt succeeded, no other connector is asked, unless the policy says
``resend``: the email might arrive twice.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, Literal

import attrs

from passpost.errors import Outcome, Scope

_OF_THE_EMAIL: Final = frozenset[Scope]({"recipient", "message"})

_LONGEST_ASKED: Final = 7 * 86_400.0
"""Seconds of ``retry_after`` that are kept: a week is past every deadline."""

_SPREAD: Final = 0.1
"""How much of ``retry_after`` is added at most: senders that were told the same spread."""


@attrs.frozen
class Result:
    """What an attempt came to, as far as the policy looks.

    Attributes:
        outcome: ``accepted``, ``rejected`` or ``unknown``.
        scope: Whose fault it was; of no meaning for ``accepted``.
        temporary: Whether the same email may go through later.
        retry_after: Seconds to wait, where the provider said so.
    """

    outcome: Literal["accepted"] | Outcome
    scope: Scope = "provider"
    temporary: bool = False
    retry_after: float | None = None


@attrs.frozen(kw_only=True)
class Situation:
    """What else the policy looks at.

    Attributes:
        tries: How often this connector was asked for this email, this attempt included.
        seconds_left: Seconds until the deadline.
        alternative: Whether another connector can be asked at once.
        recognizes: Whether this connector recognizes a repetition as such, and sends it once.
        in_doubt: Whether an attempt before this one may have been accepted.
    """

    tries: int
    seconds_left: float
    alternative: bool = False
    recognizes: bool = False
    in_doubt: bool = False


@attrs.frozen(kw_only=True)
class Rules:
    """The settings that the policy goes by.

    Attributes:
        attempts: How often one connector is asked for one email.
        initial: Seconds that the first wait has at most; each further one has twice that.
        longest: Seconds that a wait has at most, unless the provider asked for more.
        least: Seconds that an attempt needs to be worth its while.
        resend: Whether an email with an unknown outcome is sent again, and may arrive twice.
    """

    attempts: int = 3
    initial: float = 0.5
    longest: float = 8.0
    least: float = 1.0
    resend: bool = False


@attrs.frozen
class Retry:
    """Ask the same connector again.

    Attributes:
        wait: Seconds from now.
        elsewhere: Whether another may be asked in its place, if it must be left alone by then.
    """

    wait: float
    elsewhere: bool = False


class Verdict(Enum):
    """What needs no further words."""

    NEXT = "ask the next connector, at once"
    STOP = "the attempt's result is that of the send"


NEXT: Final = Verdict.NEXT
STOP: Final = Verdict.STOP

Decision = Retry | Verdict


def decide(result: Result, situation: Situation, rules: Rules, jitter: float) -> Decision:
    """Return what comes after an attempt.

    Args:
        result: What the attempt came to.
        situation: How often, how late, and what else there is.
        rules: The settings.
        jitter: A random number of [0, 1).
    """
    if result.outcome == "accepted":
        return STOP
    again = _again(result, situation, rules, jitter)
    other = NEXT if situation.alternative and situation.seconds_left > 0 else STOP
    unknown = result.outcome == "unknown"
    if (unknown or situation.in_doubt) and not rules.resend:
        return again if situation.recognizes and (unknown or result.temporary) else STOP
    if unknown:
        return again if again is not STOP else other
    if result.scope in _OF_THE_EMAIL:
        return again if result.temporary else STOP
    if other is NEXT or result.scope == "account" or not result.temporary:
        return other
    return again


def _again(result: Result, situation: Situation, rules: Rules, jitter: float) -> Decision:
    """Return the next try of the same connector, or `STOP` where there is none."""
    if situation.tries >= rules.attempts:
        return STOP
    wait = wait_before(situation.tries, seconds_asked(result.retry_after), rules, jitter)
    if wait + rules.least > situation.seconds_left:
        return STOP
    in_doubt = situation.in_doubt or result.outcome == "unknown"
    elsewhere = rules.resend if in_doubt else result.scope not in _OF_THE_EMAIL
    return Retry(wait, elsewhere)


def wait_before(tries: int, asked: float, rules: Rules, jitter: float) -> float:
    """Return the seconds to wait before the next try.

    Full jitter (aws.amazon.com/blogs/architecture, "Exponential Backoff And Jitter"): anything up
    to the bound, so that senders that failed together do not come back together.

    Args:
        tries: How often the connector was asked.
        asked: Seconds that the provider asked to wait.
        rules: The settings.
        jitter: A random number of [0, 1).
    """
    # An exponent beyond 30 overflows nothing yet, and is past every bound.
    bound = min(rules.longest, rules.initial * float(2 ** min(tries - 1, 30)))
    return max(bound * jitter, asked * (1 + _SPREAD * jitter))


def seconds_asked(retry_after: float | None) -> float:
    """Return what a provider's wish amounts to: what is not a number of seconds asks for none."""
    if retry_after is None or math.isnan(retry_after):
        return 0.0
    return min(max(0.0, retry_after), _LONGEST_ASKED)
