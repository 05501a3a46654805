"""The spans: one for each send, and one for each attempt where there are several."""

from __future__ import annotations

import datetime as dt
from contextvars import Token
from typing import TYPE_CHECKING, Final

from opentelemetry import context, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from passpost_otel.facts import End, Value, attempts_of, error_type, of_attempt, of_end

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    from passpost import Attempt, DeliverySummary

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


class SendSpan:
    """The span of one send, current from its beginning to its end.

    Args:
        tracer: Makes spans.
        summary: The send.
        recipient_domain: Whether the span has the recipient's domain.
    """

    __slots__ = ("_span", "_summary", "_token", "_tracer")

    def __init__(self, tracer: Tracer, summary: DeliverySummary, *, recipient_domain: bool) -> None:
        self._tracer = tracer
        self._summary = summary
        # All at once: each further call takes the span's lock, and a sampler sees these alone.
        attributes: dict[str, Value] = {
            "passpost.usage": summary.usage,
            "passpost.route": tuple(summary.connectors),
        }
        if summary.locale:
            attributes["passpost.locale"] = summary.locale
        if recipient_domain:
            attributes["passpost.recipient.domain"] = summary.recipient_domain
        self._span = tracer.start_span("passpost.send", attributes=attributes)
        self._token: Token[Context] = context.attach(trace.set_span_in_context(self._span))

    def end(self, end: End) -> None:
        """End it, with what became of the send."""
        context.detach(self._token)
        try:
            if self._span.is_recording():
                self._describe(end)
        finally:
            self._span.end()

    def _describe(self, end: End) -> None:
        self._span.set_attributes(of_end(end, self._summary))
        if isinstance(end, BaseException):
            # Without the exception: its text and its frames are not for everybody.
            self._span.set_status(Status(StatusCode.ERROR, error_type(end)))
        attempts = attempts_of(end)
        # A single attempt has nothing to say that its send does not.
        if len(attempts) > 1:
            for number, attempt in enumerate(attempts, 1):
                self._trace(number, attempt)

    def _trace(self, number: int, attempt: Attempt) -> None:
        start = (attempt.started_at - _EPOCH) // _MICROSECOND * 1_000
        span = self._tracer.start_span(
            f"passpost.attempt {attempt.connector}",
            trace.set_span_in_context(self._span),
            SpanKind.CLIENT,
            of_attempt(number, attempt, self._summary),
            start_time=start,
        )
        if attempt.result != "accepted":
            span.set_status(Status(StatusCode.ERROR, error_type(attempt)))
        span.end(start + int(attempt.seconds * 1e9))
