"""The store of an outbox, with what happens in it counted and timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from opentelemetry.metrics import Meter

from passpost_otel.facts import Value

S = TypeVar("S")

_SECONDS: Final = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0]


class OutboxInstruments:
    """The instruments of outboxes.

    Args:
        meter: Where they are made.
        bounded: Returns a usage, or one word for all usages beyond a number of them.
        report: Is told what failed; it never harms an email.
    """

    def __init__(
        self, meter: Meter, bounded: Callable[[str], str], report: Callable[[Exception], None]
    ) -> None:
        self._bounded = bounded
        self._report = report
        self._wait = meter.create_histogram(
            "passpost.outbox.wait",
            "s",
            "How long an email was in the outbox before a worker took it.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._ended = meter.create_counter(
            "passpost.outbox.ended", "{email}", "Emails that reached a final state."
        )
        self._sweeps = meter.create_counter("passpost.outbox.sweeps", "{sweep}", "Sweeps made.")

    def watched(self, store: S) -> S:
        """Return a store that does the same, and is measured."""
        any_store: Any = store
        if hasattr(any_store, "listen"):
            # What it ends beside what it was asked for: emails that a newer one superseded.
            any_store.listen(self.changed)
        kind = _WatchedTransactionalStore if hasattr(any_store, "within") else _WatchedStore
        return cast("S", kind(store, self))

    def changed(self, change: Any) -> None:
        """Record what an event did to an email."""
        if change is None:
            return
        try:
            self._record(change.record, change.now)
        except Exception as error:  # noqa: BLE001 - an SDK's any mistake
            self._report(error)

    def swept(self) -> None:
        """Record a sweep."""
        try:
            self._sweeps.add(1)
        except Exception as error:  # noqa: BLE001 - an SDK's any mistake
            self._report(error)

    def _record(self, record: Any, now: int) -> None:
        attributes: dict[str, Value] = {"passpost.usage": self._bounded(record.usage)}
        if record.finished_at is not None:
            attributes["passpost.outbox.state"] = record.state
            attributes["passpost.outbox.reason"] = record.reason
            self._ended.add(1, attributes)
        elif record.state == "sending":
            self._wait.record(max(0, now - record.queued_at) / 1000, attributes)


class _WatchedStore:
    """A store of `passpost_outbox`, whose changes are recorded. What it raises is not."""

    def __init__(self, store: Any, instruments: OutboxInstruments) -> None:
        self._store = store
        self._instruments = instruments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim_next(self, claim: Any) -> Any:
        change = await self._store.claim_next(claim)
        self._instruments.changed(change)
        return change

    async def apply(self, id_: str, event: Any) -> Any:
        change = await self._store.apply(id_, event)
        # A worker that renews its claim took the email before.
        if type(event).__name__ != "Renew":
            self._instruments.changed(change)
        return change

    async def lead(self, owner: str, lease: int) -> bool:
        leads: bool = await self._store.lead(owner, lease)
        if leads:
            self._instruments.swept()
        return leads


class _WatchedTransactionalStore(_WatchedStore):
    """A store that writes in transactions of an application, too; it is recognized by this."""

    def within(self, connection: object) -> Any:
        return self._store.within(connection)
