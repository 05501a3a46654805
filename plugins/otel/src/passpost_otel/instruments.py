"""The metrics: what is counted and timed, with attributes from bounded sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from weakref import WeakSet

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from passpost import AsyncMailer, DeliverySummary, Mailer, Receipt, SendError
from passpost_otel.facts import OTHER, End, Value, attempts_of, of_connector, outcome_of

USAGES: Final = 50
"""How many usages metrics tell apart: an application may make up a name for each email."""

_SECONDS: Final = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0]

_OPEN: Final = frozenset({"open", "trial"})


class Instruments:
    """The instruments of one meter.

    Args:
        meter: Where they are made.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._usages: set[str] = set()
        self._mailers: WeakSet[Mailer | AsyncMailer] = WeakSet()
        self._gauge: object = None
        self._duration = meter.create_histogram(
            "passpost.send.duration",
            "s",
            "How long a send took, over all attempts and waits.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._attempts = meter.create_counter("passpost.attempts", "{attempt}", "Attempts made.")
        self._replayed = meter.create_counter(
            "passpost.replayed", "{send}", "Sends that returned the receipt of an earlier one."
        )
        self._refused = {
            "passpost.cooldown": meter.create_counter(
                "passpost.cooldown", "{send}", "Sends that a recipient's cooldown rejected."
            ),
            "passpost.unavailable": meter.create_counter(
                "passpost.unavailable", "{send}", "Sends for which no connector could be asked."
            ),
        }

    def record(self, end: End, summary: DeliverySummary, seconds: float) -> None:
        """Record a send that has ended.

        Args:
            end: What it came to.
            summary: The send.
            seconds: How long it took.
        """
        usage = {"passpost.usage": self.bounded(summary.usage)}
        attributes: dict[str, Value] = {**usage, "passpost.outcome": outcome_of(end)}
        if isinstance(end, Receipt | SendError):
            attributes |= of_connector(end.connector, summary)
        if isinstance(end, SendError):
            attributes["passpost.scope"] = end.scope
            if end.provider_code in self._refused:
                self._refused[end.provider_code].add(1, usage)
        elif isinstance(end, Receipt) and end.replayed:
            self._replayed.add(1, usage)
        self._duration.record(seconds, attributes)
        for attempt in attempts_of(end):
            attributes = {"passpost.outcome": attempt.result}
            attributes |= of_connector(attempt.connector, summary)
            self._attempts.add(1, attributes)

    def observe(self, mailer: Mailer | AsyncMailer) -> None:
        """Show which connectors of a mailer are left alone, for as long as it exists."""
        self._mailers.add(mailer)
        if self._gauge is None:
            self._gauge = self._meter.create_observable_gauge(
                "passpost.breaker.open",
                [self._breakers],
                "{breaker}",
                "Whether a connector is left alone because its provider failed: 1 or 0.",
            )

    def bounded(self, usage: str) -> str:
        """Return a usage, or `OTHER` where there are too many of them."""
        if usage not in self._usages:
            if len(self._usages) >= USAGES:
                return OTHER
            self._usages.add(usage)
        return usage

    def _breakers(self, _options: CallbackOptions) -> Iterable[Observation]:
        # Connectors of one name in several mailers are one series: open if any of them is.
        states: dict[str, int] = {}
        for mailer in list(self._mailers):
            for name, health in mailer.health().items():
                states[name] = max(states.get(name, 0), int(health.state in _OPEN))
        for name, is_open in states.items():
            yield Observation(is_open, {"passpost.connector": name})
