"""The extension: a span and metrics for each send."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, TypeVar

import attrs
from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from passpost import AsyncMailer, DeliverySummary, Mailer, Receipt, hookimpl
from passpost_otel.instruments import Instruments
from passpost_otel.outbox import OutboxInstruments
from passpost_otel.tracing import SendSpan

S = TypeVar("S")

log: Final = logging.getLogger("passpost_otel")

_SCOPE: Final = "passpost"


class Telemetry:
    """An extension that traces and measures each send: ``Host([Telemetry()])``.

    Args:
        tracer_provider: Where spans go. Default: the provider of the process.
        meter_provider: Where metrics go. Default: the provider of the process.
        recipient_domain: Whether spans have the recipient's domain, which may be one person's.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        recipient_domain: bool = False,
    ) -> None:
        self._shared = _Shared(
            trace.get_tracer(_SCOPE, tracer_provider=tracer_provider),
            Instruments(metrics.get_meter(_SCOPE, meter_provider=meter_provider)),
            recipient_domain,
        )
        provider = meter_provider or metrics.get_meter_provider()
        self._has_sdk = type(provider).__module__.partition(".metrics.")[0] != "opentelemetry"
        self._outbox = OutboxInstruments(
            metrics.get_meter(_SCOPE, meter_provider=meter_provider),
            self._shared.instruments.bounded,
            self._shared.report,
        )

    @hookimpl
    def around_delivery(self, summary: DeliverySummary) -> AbstractAsyncContextManager[None]:
        """Return the context of one send."""
        return _Sending(self._shared, summary)

    @property
    def has_sdk(self) -> bool:
        """Whether an SDK measures in this process; the API alone drops all of it."""
        return self._has_sdk

    def observe(self, mailer: Mailer | AsyncMailer) -> None:
        """Let the gauge ``passpost.breaker.open`` show the connectors of a mailer."""
        self._shared.instruments.observe(mailer)

    def watch(self, store: S) -> S:
        """Return the store of an outbox, measured: give it to workers in place of the store."""
        return self._outbox.watched(store)


@attrs.define(eq=False)
class _Shared:
    """What all sends of a `Telemetry` share."""

    tracer: Tracer
    instruments: Instruments
    recipient_domain: bool
    has_failed: bool = False

    def report(self, error: Exception) -> None:
        """Log what failed: for operators the first time, and without its text."""
        level = logging.DEBUG if self.has_failed else logging.WARNING
        self.has_failed = True
        log.log(level, "OpenTelemetry failed, and emails go on: %s", type(error).__name__)


class _Sending(AbstractAsyncContextManager[None]):
    """The context of one send. A decorated generator would cost an email several times as much.

    Whatever telemetry raises is logged: no exporter may reject an email.
    """

    __slots__ = ("_began", "_shared", "_span", "_summary")

    def __init__(self, shared: _Shared, summary: DeliverySummary) -> None:
        self._shared = shared
        self._summary = summary
        self._span: SendSpan | None = None
        self._began = time.perf_counter()

    async def __aenter__(self) -> None:
        shared = self._shared
        try:
            self._span = SendSpan(
                shared.tracer, self._summary, recipient_domain=shared.recipient_domain
            )
        except Exception as error:  # noqa: BLE001 - an SDK's any mistake
            shared.report(error)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._began
        # Another extension may have removed the receipt.
        end = (self._summary.receipt or Receipt()) if error is None else error
        try:
            if self._span is not None:
                self._span.end(end)
        except Exception as failure:  # noqa: BLE001 - an SDK's any mistake
            self._shared.report(failure)
        try:
            self._shared.instruments.record(end, self._summary, seconds)
        except Exception as failure:  # noqa: BLE001 - an SDK's any mistake
            self._shared.report(failure)
