"""The spans: one per send, children of the caller's, and nothing of a person in them."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import passpost
from passpost.stores import Rate, SqliteIdempotency, Stores

from .conftest import Provider, Sdk

Connect = Callable[..., list[passpost.Connector]]
PAYLOAD = {"code": "493817", "link": "https://example.org/?token=canary-link"}


def message(**parts: Any) -> passpost.Message:
    given: dict[str, Any] = {"to": "ada.lovelace@example.com", "usage": "SignIn", **parts}
    return passpost.Message(payload=PAYLOAD, **given)


def rejected(scope: Any, **facts: Any) -> passpost.SendError:
    return passpost.SendError(f"no: {scope}", outcome="rejected", scope=scope, **facts)


def test_a_send_is_one_span(sdk: Sdk, connect: Connect) -> None:
    with passpost.Mailer(*connect(sdk.telemetry(), Provider("primary"))) as mailer:
        receipt = mailer.send(message(locale="zh-TW en"))
    (span,) = sdk.exporter.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("passpost.send", SpanKind.INTERNAL, None)
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "passpost.usage": "SignIn",
        "passpost.locale": ("zh-TW", "en"),
        "passpost.route": ("primary",),
        "passpost.outcome": "accepted",
        "passpost.connector": "primary",
        "passpost.connector.type": "primary-id",
        "passpost.attempts": 1,
        "passpost.message_id": receipt.message_id,
        "passpost.replayed": False,
    }


def test_several_attempts_are_spans_within_it(sdk: Sdk, connect: Connect) -> None:
    throttled = rejected(
        "provider", temporary=True, retry_after=3.5, provider_code="Throttling.User"
    )
    both = connect(sdk.telemetry(), Provider("primary", throttled), Provider("backup"))
    with passpost.Mailer(*both) as mailer:
        receipt = mailer.send(message())
    (whole,) = sdk.spans()
    (first,), (last,) = sdk.spans("passpost.attempt primary"), sdk.spans("passpost.attempt backup")
    assert len(sdk.exporter.get_finished_spans()) == 3
    context = whole.get_span_context()
    assert context is not None
    for number, span in enumerate((first, last)):
        assert span.kind is SpanKind.CLIENT
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (context.trace_id, context.span_id)
        attempt = receipt.attempts[number]
        start, end = span.start_time or 0, span.end_time or 0
        moment = dt.datetime.fromtimestamp(start / 1e9, dt.UTC)
        assert abs(moment - attempt.started_at) < dt.timedelta(milliseconds=1)
        assert (end - start) / 1e9 == pytest.approx(attempt.seconds, abs=1e-6)
    assert dict(first.attributes or {}) == {
        "passpost.attempt": 1,
        "passpost.outcome": "rejected",
        "passpost.connector": "primary",
        "passpost.connector.type": "primary-id",
        "passpost.scope": "provider",
        "passpost.temporary": True,
        "passpost.retry_after": 3.5,
        "passpost.provider_code": "Throttling.User",
        "error.type": "provider.rejected",
    }
    assert (first.status.status_code, first.status.description) == (
        StatusCode.ERROR,
        "provider.rejected",
    )
    assert last.status.status_code is StatusCode.UNSET
    assert (whole.attributes or {})["passpost.attempts"] == 2
    assert whole.status.status_code is StatusCode.UNSET


def unknown() -> passpost.SendError:
    return passpost.SendError("no reply", outcome="unknown", scope="network")


@pytest.mark.parametrize(
    ("answer", "usage", "expected"),
    [
        (rejected("recipient", provider_code="550 5.1.1"), "SignIn", "recipient.rejected"),
        (unknown(), "SignIn", "network.unknown"),
        (KeyError("493817"), "SignIn", "provider.unknown"),
        (None, "NoTemplate", "TemplateNotFound"),
    ],
)
def test_a_failed_send_is_an_error(
    sdk: Sdk, connect: Connect, answer: Any, usage: str, expected: str
) -> None:
    templates = [passpost.Template(usage_type="SignIn", subject="x", content="x")]
    connector = connect(sdk.telemetry(), Provider("primary", answer))[0]
    if usage == "NoTemplate":
        host = passpost.Host([sdk.telemetry()], installed_extensions=(), environ={})
        host.register(Provider("primary"))
        connector = host.configure("primary-id", {"fromEmail": "a@example.com", "templates": []})
    with (
        passpost.Mailer(connector, templates=templates) as mailer,
        pytest.raises(passpost.PasspostError),
    ):
        mailer.send(message(usage=usage))
    (span,) = sdk.exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, expected)
    assert attributes["error.type"] == expected
    assert attributes["passpost.outcome"] in {"rejected", "unknown"}
    # An exception's text and traceback are not for everybody.
    assert span.events == ()


@pytest.mark.anyio
async def test_a_cancelled_send_has_its_span(sdk: Sdk, connect: Connect) -> None:
    asked = asyncio.Event()

    async def hang() -> None:
        asked.set()
        await asyncio.Event().wait()

    async with passpost.AsyncMailer(*connect(sdk.telemetry(), Provider("primary", hang))) as mailer:
        sending = asyncio.create_task(mailer.send(message()))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    (span,) = sdk.exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert (attributes["passpost.outcome"], attributes["error.type"]) == (
        "unknown",
        "CancelledError",
    )


@pytest.mark.anyio
async def test_a_send_that_was_cancelled_before_its_email_left_was_rejected(
    sdk: Sdk, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connectors = connect(sdk.telemetry(), Provider("primary"))
    policy = passpost.Policy(rates={connectors[0].name: Rate(1, 20)})
    async with passpost.AsyncMailer(*connectors, policy=policy) as mailer:
        await mailer.send(message())
        # It waits for a place.
        sending = asyncio.create_task(mailer.send(message()))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    _, span = sdk.exporter.get_finished_spans()
    assert dict(span.attributes or {})["passpost.outcome"] == "rejected"
    # The same truth as in the log.
    assert caplog.records[-1].passpost["outcome"] == "rejected"  # type: ignore[attr-defined]


# The caller's trace -------------------------------------------------------------------------------


def test_spans_of_threads_are_children_of_their_callers(sdk: Sdk, connect: Connect) -> None:
    tracer = sdk.tracers.get_tracer("application")
    roots: dict[str, int] = {}

    def request(name: str, mailer: passpost.Mailer) -> None:
        with tracer.start_as_current_span(name) as span:
            roots[name] = span.get_span_context().span_id
            mailer.send(message(usage=name))
            # What the send made current is current no longer.
            assert trace.get_current_span() is span

    with passpost.Mailer(*connect(sdk.telemetry(), Provider("primary"))) as mailer:
        threads = [threading.Thread(target=request, args=(f"U{n}", mailer)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with tracer.start_as_current_span("many") as span:
            results = list(mailer.send_many([message(usage="Many")] * 3))
            many = span.get_span_context().span_id
    assert all(sent.error is None for sent in results)
    parents: dict[str, set[int]] = {}
    for span_of_send in sdk.spans():
        usage = str((span_of_send.attributes or {})["passpost.usage"])
        assert span_of_send.parent is not None
        parents.setdefault(usage, set()).add(span_of_send.parent.span_id)
    assert parents == {**{name: {root} for name, root in roots.items()}, "Many": {many}}


@pytest.mark.anyio
async def test_what_a_connector_traces_is_within_the_send(sdk: Sdk, connect: Connect) -> None:
    tracer = sdk.tracers.get_tracer("http client")

    async def posts() -> None:
        with tracer.start_as_current_span("POST"):
            await asyncio.sleep(0)

    provider = Provider("primary", posts)
    async with passpost.AsyncMailer(*connect(sdk.telemetry(), provider)) as mailer:
        with tracer.start_as_current_span("request") as request:
            await mailer.send(message())
            assert trace.get_current_span() is request
    (post,), (send,) = sdk.spans("POST"), sdk.spans()
    whole = send.get_span_context()
    assert post.parent is not None
    assert whole is not None
    assert post.parent.span_id == whole.span_id


# Nothing of a person ------------------------------------------------------------------------------

# Nothing that the digits of an ID may spell, such as "ada".
CANARIES = (
    "ada@",
    "ada.",
    "ada l",
    "lovelace",
    "example.com",
    "Code 4",
    "493817",
    "canary",
    "key-4711",
    "acme",
)


def speaking() -> passpost.SendError:
    """Return an error of a provider that repeats what it was given."""
    words = "Ada Lovelace <ada.lovelace@example.com>: 493817 https://example.org/?token=canary-link"
    return passpost.SendError(
        words,
        outcome="rejected",
        scope="provider",
        temporary=True,
        provider_code="550 <ada.lovelace@example.com>",
        response=words,
        hint=words,
    )


def test_nothing_of_a_person_or_an_email_is_exported(
    sdk: Sdk, connect: Connect, tmp_path: Any
) -> None:
    providers = [
        Provider("primary", speaking(), speaking(), ValueError("493817"), None, speaking()),
        Provider("backup", speaking()),
    ]
    stores = Stores(idempotency=SqliteIdempotency(tmp_path / "sends.sqlite"))
    policy = passpost.Policy(
        recipient_cooldowns={"Cooled": 600}, breaker=passpost.Breaker(failures=0)
    )
    with passpost.Mailer(
        *connect(sdk.telemetry(), *providers), policy=policy, stores=stores
    ) as mailer:
        telemetry = sdk.telemetry()
        telemetry.observe(mailer)
        for usage, key in (
            ("SignIn", None), ("SignIn", None), ("SignIn", "key-4711"), ("SignIn", "key-4711"),
            ("Cooled", None), ("Cooled", None),
        ):  # fmt: skip
            try:
                mailer.send(
                    message(
                        usage=usage,
                        idempotency_key=key,
                        context={"tenant": "acme"},
                        headers={"X-Canary": "canary-header"},
                        reply_to="ada@example.com",
                    )
                )
            except passpost.PasspostError:
                continue
    exported = sdk.everything()
    assert exported.count('"name": "passpost.send"') == 6
    # The domain in a Message-ID is the sender's.
    exported = exported.replace("@example.com>", "")
    assert [canary for canary in CANARIES if canary.lower() in exported.lower()] == []


def test_the_recipients_domain_is_on_spans_for_those_who_ask(sdk: Sdk, connect: Connect) -> None:
    telemetry = sdk.telemetry(recipient_domain=True)
    with passpost.Mailer(*connect(telemetry, Provider("primary"))) as mailer:
        mailer.send(message(to="ada@example.net"))
    (span,) = sdk.spans()
    assert (span.attributes or {})["passpost.recipient.domain"] == "example.net"
    assert "example.net" not in str(sdk.reader.get_metrics_data())


@pytest.mark.parametrize(
    ("code", "exported"),
    [
        ("535 5.7.8", True),
        ("Throttling.User", True),
        ("passpost.cooldown", True),
        ("421", True),
        ("mailbox of ada is full", False),
        ("550 ada@example.com", False),
        ("x" * 49, False),
        ("код", False),
        ("", False),
    ],
)
def test_a_providers_code_is_a_code(
    sdk: Sdk, connect: Connect, code: str, *, exported: bool
) -> None:
    answer = rejected("recipient", provider_code=code)
    connectors = connect(sdk.telemetry(), Provider("primary", answer))
    with passpost.Mailer(*connectors) as mailer, pytest.raises(passpost.SendError):
        mailer.send(message())
    (span,) = sdk.spans()
    expected = code if exported else None
    assert (span.attributes or {}).get("passpost.provider_code") == expected
