"""The trace of a request goes on in its worker, where OpenTelemetry is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
