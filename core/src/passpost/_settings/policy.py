"""How an application's emails are delivered, whichever connector delivers them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal

import attrs

from passpost._config.fields import field, rule
from passpost._phrases import _
from passpost._policy.decision import Rules
from passpost._policy.health import Limits
from passpost._problems import Problem
from passpost._stores.rate import Rate
from passpost._wording import did_you_mean, kind_of, listed, nearest

MAX_TIMEOUT: Final = 86_400
"""Seconds that a send may take at most: a day."""

_RULES: Final = Rules()
_LIMITS: Final = Limits()

OnUnknown = Literal["stop", "resend"]


def _number(
    *,
    above: float | None = None,
    minimum: float | None = None,
    maximum: float = MAX_TIMEOUT,
    unit: str | None = None,
    **facts: Any,
) -> Any:
    """Return the field of a number whose lower limit holds for policies made in Python, too."""
    what = "a number of seconds" if unit == "s" else "a number"

    def check(_instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        name = attribute.name
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} is {what}, such as 20, not {kind_of(value)}")
        low = value <= above if above is not None else value < (minimum or 0)
        if low or not value <= MAX_TIMEOUT:
            bound = f"at least {minimum or 0:g}" if above is None else f"greater than {above:g}"
            raise ValueError(f"{name} is {what} {bound}, and at most {MAX_TIMEOUT}")

    limits: dict[str, Any] = {"above": above, "minimum": minimum, "maximum": maximum}
    return field(**limits, unit=unit, validator=check, **facts)


def _route(value: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    if any(isinstance(names, str) for names in value.values()):
        raise TypeError('routes are lists of connectors: {"SignIn": ["primary", "backup"]}')
    return {usage: tuple(names) for usage, names in value.items()}


def _rates(value: Mapping[str, Rate | str]) -> Mapping[str, Rate]:
    return {
        name: rate if isinstance(rate, Rate) else Rate.from_setting(rate)
        for name, rate in value.items()
    }


@attrs.frozen(kw_only=True)
class Backoff:
    """How long a send waits before it asks the same connector again.

    A wait is any time up to its bound, so that senders that failed together do not return together.

    Attributes:
        initial: Seconds that the first wait takes at most; each further bound is twice as long.
        max: Seconds that a wait takes at most, unless the provider asked for more.
    """

    initial: float = _number(default=_RULES.initial, minimum=0, unit="s")
    max: float = _number(default=_RULES.longest, minimum=0, unit="s")


@attrs.frozen(kw_only=True)
class Breaker:
    """When a connector that keeps failing is left alone.

    Attributes:
        failures: Failures in a row, of the provider or the network, after which it is; 0 for never.
        recovery: Seconds until one email tries it again.
    """

    failures: int = _number(default=_LIMITS.failures, minimum=0)
    recovery: float = _number(default=_LIMITS.recovery, above=0, unit="s")


@attrs.frozen(kw_only=True)
class Policy:
    """The delivery policy: ``delivery`` in an application's settings.

    Attributes:
        timeout: Seconds that one send may take in all, from the call to its receipt or error.
        attempts: How often one connector is asked for one email.
        backoff: How long a send waits between two tries of the same connector.
        on_unknown: What comes after an attempt of which nobody knows whether it succeeded:
            ``stop``, or ``resend`` with the same Message-ID, at the risk of a second copy.
        breaker: When a connector that keeps failing is left alone.
        account_cooldown: Seconds for which other connectors are asked first, after a provider
            rejected the account; 0 for never.
        routes: The connectors for a usage, in order of preference; ``*`` for all other usages. A
            usage without a route goes through all connectors in the order written.
        weights: The share of the emails that each connector gets as the first one asked. Without
            weights, that is always the first of the route.
        rates: How many emails a connector is given in a time: ``{"primary": "100/s"}``.
        recipient_cooldowns: Seconds before the same recipient gets another email of a usage; ``*``
            for all other usages.
    """

    # Less than the 30 s after which gunicorn and many proxies give up a request: who sends within
    # one gets an error, and is not killed.
    timeout: float = _number(default=25.0, above=0, unit="s")
    attempts: int = _number(default=_RULES.attempts, minimum=1, maximum=100)
    backoff: Backoff = field(factory=Backoff)
    on_unknown: OnUnknown = field(default="stop")
    breaker: Breaker = field(factory=Breaker)
    account_cooldown: float = _number(default=_LIMITS.account_cooldown, minimum=0, unit="s")
    routes: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_route)
    weights: Mapping[str, int] = field(factory=dict)
    rates: Mapping[str, Rate] = field(factory=dict, converter=_rates)
    recipient_cooldowns: Mapping[str, float] = field(factory=dict, unit="s")

    def unknown_connectors(self, known: Collection[str]) -> Iterator[Problem]:
        """Return a problem for each name in the policy that no connector has.

        Args:
            known: The names of the connectors.
        """
        named = [
            *((f"weights.{name}", name) for name in self.weights),
            *((f"rates.{name}", name) for name in self.rates),
        ]
        for usage, names in self.routes.items():
            named += [(f"routes.{usage}[{index}]", name) for index, name in enumerate(names)]
        for path, name in named:
            if name not in known:
                remedy = did_you_mean(
                    nearest(name, known), _("use one of {known}", known=listed(known))
                )
                yield Problem(path, _("no connector has this name"), remedy, code="E420")

    @rule("weights")
    def _weights(self) -> Iterator[Problem]:
        for name, weight in self.weights.items():
            if weight < 0:
                yield Problem(
                    f"weights.{name}",
                    _("{number} is out of range", number=weight),
                    _("use 0 or more"),
                    code="E421",
                )

    @rule("routes")
    def _routes(self) -> Iterator[Problem]:
        for usage, names in self.routes.items():
            if not names:
                message = _("a route needs at least one connector")
                remedy = _("add one, or remove the route")
                yield Problem(f"routes.{usage}", message, remedy, code="E422")
            seen: set[str] = set()
            for index, name in enumerate(names):
                if name in seen:
                    path = f"routes.{usage}[{index}]"
                    message = _("a route names each connector once")
                    yield Problem(path, message, _("remove the repetition"), code="E422")
                    break
                seen.add(name)

    @rule("recipient_cooldowns")
    def _cooldowns(self) -> Iterator[Problem]:
        for usage, seconds in self.recipient_cooldowns.items():
            if not 0 < seconds <= MAX_TIMEOUT:
                yield Problem(
                    f"recipientCooldowns.{usage}",
                    _("{number} is out of range", number=f"{seconds:g}"),
                    _("use more than 0 and at most {most} s", most=MAX_TIMEOUT),
                    code="E421",
                )
