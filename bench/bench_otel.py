"""What does passpost-otel add to an email?

    python bench/bench_otel.py [--quick]

One connector of this process accepts each email at once, so that passpost's own work is all there
is. The same mailer is measured without an extension, with one that does nothing, and with
passpost-otel in three forms: with OpenTelemetry's API alone, as an application without an SDK has
it; with an SDK that samples no trace; and with one that records each span. Both measure metrics.
Spans are batched for an exporter that drops them.

The peer is an application that traces and measures `mailer.send` itself, with the same SDK: one
span, one histogram and one counter, with as many attributes. It sees nothing of attempts.

All take turns, one round each. The difference to the round without an extension counts, in
microseconds of CPU for an email, in all threads of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any, Final

import attrs
from goals import Goals, machine, run
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

import passpost
from passpost import config
from passpost_otel import Telemetry

AT_ONCE: Final = 10
WARM_UP: Final = 500
MICROSECONDS: Final = 1e6
BARE: Final = "no extension"
RECORDED: Final = "recorded"
BY_HAND: Final = "recorded by hand"

MESSAGE: Final = passpost.Message("ada@example.com", "SignIn", {"code": "493817"})

Send = Callable[[passpost.Message], Awaitable[object]]


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    """No settings but the templates."""


class Connector:
    """Accepts each email at once."""

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        """Describe it."""
        name = {"en": "Primary"}
        return passpost.ConnectorInfo(
            id="primary", name=name, description=name, config_class=Config
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        """Parse the templates."""
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self) -> passpost.Receipt:
        """Accept."""
        return passpost.Receipt("id-1", "250 OK")


class Dropping(SpanExporter):
    """Exports to nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the SDK calls it so
        """Drop them."""
        return SpanExportResult.SUCCESS


class Nothing:
    """An extension around each send that does nothing."""

    @passpost.hookimpl
    @asynccontextmanager
    async def around_delivery(self) -> AsyncIterator[None]:
        """Do nothing."""
        yield


class Sdk:
    """An SDK of its own."""

    def __init__(self, sampler: Sampler) -> None:
        self.tracers = TracerProvider(sampler=sampler)
        self.tracers.add_span_processor(BatchSpanProcessor(Dropping()))
        self.meters = MeterProvider([InMemoryMetricReader()])

    def telemetry(self) -> Telemetry:
        """Return the extension with it."""
        return Telemetry(tracer_provider=self.tracers, meter_provider=self.meters)


def mailer(*extensions: object) -> passpost.AsyncMailer:
    """Return a mailer with these extensions."""
    host = passpost.Host(extensions, installed_extensions=(), environ={})
    host.register(Connector())
    template = {"usageType": "SignIn", "subject": "Code {{code}}", "content": "{{code}}"}
    return passpost.AsyncMailer(host.configure("primary", {"templates": [template]}))


def by_hand(mailer: passpost.AsyncMailer) -> Send:
    """Return what an application writes that traces and measures each send itself."""
    sdk = Sdk(ALWAYS_ON)
    tracer, meter = sdk.tracers.get_tracer("application"), sdk.meters.get_meter("application")
    duration = meter.create_histogram("send.duration", "s")
    accepted = meter.create_counter("accepted")

    async def send(message: passpost.Message) -> None:
        began = time.perf_counter()
        attributes = {"usage": message.usage, "route": ("primary",)}
        with tracer.start_as_current_span("send", attributes=attributes) as span:
            receipt = await mailer.send(message)
            connector = {"connector": receipt.connector, "connector.type": "primary"}
            span.set_attributes(
                {
                    **connector,
                    "outcome": "accepted",
                    "attempts": len(receipt.attempts),
                    "message_id": receipt.message_id,
                    "replayed": receipt.replayed,
                }
            )
        outcome = {"outcome": "accepted", **connector}
        duration.record(time.perf_counter() - began, {"usage": message.usage, **outcome})
        accepted.add(1, outcome)

    return send


async def cpu(send: Send, emails: int) -> float:
    """Return the microseconds of CPU for an email."""

    async def some() -> None:
        for _ in range(emails // AT_ONCE):
            await send(MESSAGE)

    began = time.process_time()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return (time.process_time() - began) / emails * MICROSECONDS


async def measure(rounds: int, emails: int) -> dict[str, list[float]]:
    """Measure all forms by turns."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        bare = await enter(mailer())
        forms: dict[str, Send] = {
            BARE: bare.send,
            "an empty extension": (await enter(mailer(Nothing()))).send,
            "API alone": (await enter(mailer(Telemetry()))).send,
            "not sampled": (await enter(mailer(Sdk(ALWAYS_OFF).telemetry()))).send,
            RECORDED: (await enter(mailer(Sdk(ALWAYS_ON).telemetry()))).send,
            BY_HAND: by_hand(bare),
        }
        for send in forms.values():
            await cpu(send, WARM_UP)
        figures: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(rounds):
            for name, send in forms.items():
                figures[name].append(await cpu(send, emails))
    return figures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The cost of passpost-otel.")
    parser.add_argument("--quick", action="store_true", help="fewer emails")
    options = parser.parse_args()
    print(f"{machine()}; Python {sys.version.split()[0]}")
    figures = asyncio.run(measure(*((7, 1000) if options.quick else (21, 3000))))
    bare = figures[BARE]
    print(f"\n{'µs of CPU for an email':<24}{'least':>9}{'median':>9}{'adds':>9}{'ratio':>9}")
    for name, those in figures.items():
        adds = median(one - other for one, other in zip(those, bare, strict=True))
        ratio = median(one / other for one, other in zip(those, bare, strict=True))
        print(f"{name:<24}{min(those):>9.1f}{median(those):>9.1f}{adds:>9.1f}{ratio:>9.2f}")
    goals = Goals()
    pairs = zip(figures[RECORDED], figures[BY_HAND], strict=True)
    goals.at_most("recorded, x by hand", median(one / other for one, other in pairs), 1.3)
    goals.report()


if __name__ == "__main__":
    sys.exit(run(main))
