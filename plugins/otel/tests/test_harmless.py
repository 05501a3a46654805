"""Whatever OpenTelemetry does, emails go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import passpost
from passpost_otel import Telemetry
from pytest_passpost import ExtensionSuite

from .conftest import Provider, Sdk

Connect = Callable[..., list[passpost.Connector]]
MESSAGE = passpost.Message("ada@example.com", "SignIn", {"code": "493817", "link": ""})


class Faulty(SpanProcessor):
    """Raises at one of its steps."""

    def __init__(self, at: str) -> None:
        self._at = at

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._fail("start")

    def on_end(self, span: ReadableSpan) -> None:
        self._fail("end")

    def _fail(self, at: str) -> None:
        if at == self._at:
            raise RuntimeError("canary 493817")


class FaultyExporter(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        raise RuntimeError("canary 493817")


def sent(connect: Connect, telemetry: Telemetry, *answers: Any) -> list[Any]:
    """Send twice; return what came of it."""
    results: list[Any] = []
    with passpost.Mailer(*connect(telemetry, Provider("primary", *answers))) as mailer:
        for _ in range(2):
            try:
                results.append(mailer.send(MESSAGE))
            except passpost.PasspostError as error:
                results.append(error)
    return results


@pytest.mark.parametrize("at", ["start", "end"])
def test_a_processor_that_raises_harms_no_send(
    connect: Connect, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tracers = TracerProvider()
    tracers.add_span_processor(Faulty(at))
    error = passpost.SendError("no", outcome="rejected", scope="recipient")
    before = trace.get_current_span()
    failed, accepted = sent(connect, Telemetry(tracer_provider=tracers), error)
    assert trace.get_current_span() is before
    assert str(failed) == "no"
    assert isinstance(accepted, passpost.Receipt)
    records = [one for one in caplog.records if one.name == "passpost_otel"]
    assert [one.levelname for one in records] == ["WARNING", "DEBUG"]
    assert "canary" not in caplog.text


def test_an_exporter_that_raises_harms_no_send(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The SDK logs the exception of an exporter with its traceback; that is not ours to test.
    monkeypatch.setattr(logging.getLogger("opentelemetry.sdk.trace.export"), "disabled", True)
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(FaultyExporter()))
    results = sent(connect, Telemetry(tracer_provider=tracers))
    assert all(isinstance(result, passpost.Receipt) for result in results)


def test_an_instrument_that_raises_harms_no_send(
    connect: Connect, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = sdk.telemetry()

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    instruments = telemetry._shared.instruments
    monkeypatch.setattr(instruments._duration, "record", fail)
    results = sent(connect, telemetry)
    assert all(isinstance(result, passpost.Receipt) for result in results)
    assert len(sdk.spans()) == 2


def test_without_an_sdk_nothing_happens(connect: Connect) -> None:
    results = sent(connect, Telemetry())
    assert all(isinstance(result, passpost.Receipt) for result in results)


def test_what_is_not_sampled_is_measured(connect: Connect, sdk: Sdk) -> None:
    telemetry = Telemetry(
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF), meter_provider=sdk.meters
    )
    sent(connect, telemetry)
    assert sum(count for _, count in sdk.points("passpost.send.duration")) == 2


def test_one_telemetry_serves_several_hosts(connect: Connect, sdk: Sdk) -> None:
    telemetry = sdk.telemetry()
    first, second = connect(telemetry, Provider("primary")), connect(telemetry, Provider("backup"))
    with passpost.Mailer(*first, *second) as mailer:
        mailer.send(MESSAGE)
    assert len(sdk.spans()) == 1


class TestContract(ExtensionSuite):
    extension = Telemetry()
    contexts: tuple[Mapping[str, Any], ...] = ({}, {"tenant": "acme"})


class TestContractWithAnSdk(ExtensionSuite):
    contexts: tuple[Mapping[str, Any], ...] = ({}, {"tenant": "acme"})

    @pytest.fixture(autouse=True)
    def with_sdk(self, sdk: Sdk) -> Iterator[None]:
        type(self).extension = sdk.telemetry()
        yield
        type(self).extension = None


def test_both_providers_may_be_those_of_the_process() -> None:
    assert isinstance(Telemetry(meter_provider=MeterProvider()), Telemetry)
