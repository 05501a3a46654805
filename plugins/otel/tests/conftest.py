"""A connector of this process, and the real SDK with exporters in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import passpost
from passpost import config
from passpost_otel import Telemetry


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    from_email: passpost.Address | None = config.field(default=None)

    @property
    def sender(self) -> passpost.Address | None:
        return self.from_email


class Provider:
    """A connector that gives its emails the answers it was given, and then accepts all."""

    def __init__(self, name: str, *answers: Any) -> None:
        self.name = name
        self.answers = list(answers)

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        text = {"en": self.name}
        return passpost.ConnectorInfo(
            id=f"{self.name}-id", name=text, description=text, config_class=Config
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self) -> passpost.Receipt:
        answer = self.answers.pop(0) if self.answers else None
        if callable(answer):
            answer = await answer()
        if answer is not None:
            raise answer
        return passpost.Receipt("id-1", "250 OK")


class Sdk:
    """The real SDK, and what it has exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def telemetry(self, **options: Any) -> Telemetry:
        return Telemetry(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    def spans(self, name: str = "passpost.send") -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the points of a metric: attributes, and the value or the number of records."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), getattr(point, "count", getattr(point, "value", None)))
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def everything(self) -> str:
        """Return all that was exported, as text."""
        spans = [span.to_json() for span in self.exporter.get_finished_spans()]
        data = self.reader.get_metrics_data()
        return "\n".join([*spans, data.to_json() if data is not None else ""])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    sdk = Sdk()
    yield sdk
    sdk.tracers.shutdown()
    sdk.meters.shutdown()


Connect = Callable[..., list[passpost.Connector]]


def connectors(telemetry: object, *providers: Provider) -> list[passpost.Connector]:
    """Configure providers in a host with an extension."""
    host = passpost.Host([telemetry], installed_extensions=(), environ={})
    template = {"usageType": "Generic", "subject": "Code {{code}}", "content": "{{code}} {{link}}"}
    made = []
    for provider in providers:
        host.register(provider)
        settings = {"templates": [template], "fromEmail": "no-reply@example.com"}
        made.append(host.configure(f"{provider.name}-id", settings, name=provider.name))
    return made


@pytest.fixture
def connect() -> Connect:
    return connectors
