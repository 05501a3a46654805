"""The trace of a request goes on in its worker, where OpenTelemetry is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

try:
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:

    def trace_headers() -> dict[str, str]:
        """Return no headers: there is no trace."""
        return {}

    @contextmanager
    def continued(headers: Mapping[str, Any]) -> Iterator[None]:  # noqa: ARG001 - as the one below
        """Go on without a trace."""
        yield

else:
    # Not that of the application: its baggage may name a user.
    _PROPAGATOR = TraceContextTextMapPropagator()

    def trace_headers() -> dict[str, str]:
        """Return the headers that name the current trace."""
        headers: dict[str, str] = {}
        _PROPAGATOR.inject(headers)
        return headers

    @contextmanager
    def continued(headers: Mapping[str, Any]) -> Iterator[None]:
        """Let a block belong to the trace that headers name."""
        token = context.attach(_PROPAGATOR.extract(headers))
        try:
            yield
        finally:
            context.detach(token)


_TRACES: Final = "passpost_traces"
"""The header of a message whose IDs have different traces: one for each, in their order."""


def joined(traces: Sequence[Mapping[str, str]]) -> Mapping[str, Any]:
    """Return the headers of a message, from those of the trace of each ID."""
    same = all(trace == traces[0] for trace in traces)
    return traces[0] if same else {_TRACES: list(traces)}


def separated(headers: Mapping[str, Any], number: int) -> Sequence[Mapping[str, Any]]:
    """Return the headers of the trace of each ID, from those of a message.

    Anyone who can write to the broker may have made them.
    """
    traces = headers.get(_TRACES)
    if not isinstance(traces, list) or len(traces) != number:
        traces = [headers] * number
    return [_text_of(trace) if isinstance(trace, Mapping) else {} for trace in traces]


def _text_of(trace: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: value for name, value in trace.items() if isinstance(value, str)}
