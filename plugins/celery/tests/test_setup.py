"""What `setup` changes, what it rejects, and what is in a message."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from itertools import chain
from queue import SimpleQueue
from typing import Any, Self, cast
from unittest.mock import Mock

import kombu
import pytest
from brokers import RabbitMq, Redis, free_port
from celery import Celery, signals
from celery.concurrency.base import BasePool
from celery.concurrency.thread import TaskPool
from celery.contrib.testing.worker import start_worker
from kombu import Queue
from kombu.exceptions import ChannelError
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider

import passpost_celery
from passpost import ConfigError
from passpost.stores import StoreError
from passpost_celery.tracing import continued, separated
from passpost_outbox import PRIORITIES, Worker

from .conftest import PATIENCE, Shop, message

GUIDED = {
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_prefetch_multiplier": 1,
    "worker_soft_shutdown_timeout": 20,
    "broker_connection_retry_on_startup": True,
}


class Noting:
    """A worker of emails that notes each ID with its trace, and sends nothing."""

    def __init__(self, together: int = 0) -> None:
        self.noted: SimpleQueue[tuple[str, int]] = SimpleQueue()
        self._missing = together
        self._all = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_raised: object) -> None:
        pass

    async def work_or_next(self, id_: str) -> str:
        self.noted.put((id_, trace.get_current_span().get_span_context().trace_id))
        self._missing -= 1
        if self._missing == 0:
            self._all.set()
        if id_ == "raises":
            raise ValueError("canary")
        if id_ == "waits for the last":
            await self._all.wait()
        return "accepted"


def make_app(broker: str, **settings: Any) -> Celery:
    app = Celery("shop", broker=broker, set_as_current=False)
    app.conf.update(settings)
    return app


def engine_of(
    app: Celery, queue: str = "passpost", worker: Noting | None = None
) -> passpost_celery.CeleryEngine:
    @contextlib.asynccontextmanager
    async def make_worker(_engine: object) -> AsyncIterator[Worker]:
        yield cast("Worker", worker)

    return passpost_celery.setup(app, make_worker, queue=queue)


def test_it_sets_what_the_application_has_not_set() -> None:
    app = make_app("redis://127.0.0.1:1/0")
    engine_of(app)
    assert {name: app.conf[name] for name in GUIDED} == GUIDED
    assert app.conf.worker_disable_prefetch
    assert app.conf.broker_transport_options["health_check_interval"] == 10
    assert app.conf.task_acks_late is False, "other tasks have changed"


def test_it_leaves_what_the_application_has_set() -> None:
    own = {"worker_prefetch_multiplier": 4, "worker_soft_shutdown_timeout": 5}
    options = {"socket_connect_timeout": 9, "visibility_timeout": 7}
    app = make_app("redis://127.0.0.1:1/0", **own, broker_transport_options=options)
    engine_of(app)
    assert {name: app.conf[name] for name in own} == own
    assert app.conf.broker_transport_options.items() >= options.items()


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("celery-E1", {"task_always_eager": True}),
        ("celery-E2", {"accept_content": ["pickle"]}),
        ("celery-E3", {"worker_cancel_long_running_tasks_on_connection_loss": True}),
        ("celery-E4", {"task_protocol": 1}),
        ("celery-E5", {"task_annotations": {"*": {"acks_late": False}}}),
        ("celery-E5", {"task_annotations": {"passpost.send": {"ignore_result": False}}}),
    ],
)
def test_settings_that_break_a_promise_are_rejected(code: str, settings: dict[str, Any]) -> None:
    app = make_app("redis://127.0.0.1:1/0", **settings)
    with pytest.raises(ConfigError) as caught:
        engine_of(app)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert caught.value.problems[0].remedy


def test_a_broker_that_is_not_there_is_told_without_its_password() -> None:
    engine = engine_of(make_app(f"redis://:canary@127.0.0.1:{free_port()}/0"))
    with pytest.raises(StoreError) as caught:
        asyncio.run(engine.publish("id", seconds_left=60, priority=10))
    assert "canary" not in str(caught.value)


def test_a_message_is_an_id_and_a_trace(redis: Redis) -> None:
    engine = engine_of(make_app(redis.url()), "one-message")
    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        token = context.attach(baggage.set_baggage("user", "canary"))
        asyncio.run(engine.publish("id-1", seconds_left=60, priority=10))
        context.detach(token)
    with kombu.Connection(redis.url()) as connection:
        (raw,) = connection.default_channel.client.lrange("one-message", 0, -1)
    assert b"canary" not in raw
    queued = json.loads(raw)
    trace_id = f"{span.get_span_context().trace_id:032x}"
    assert queued["headers"]["traceparent"].split("-")[1] == trace_id
    assert (queued["headers"]["argsrepr"], queued["headers"]["kwargsrepr"]) == ("(id,)", "{}")
    args, kwargs, _embedded = json.loads(base64.b64decode(queued["body"]))
    # As the first version has it: another one may be beside this one.
    assert (queued["headers"]["task"], args, kwargs) == ("passpost.send", ["id-1"], {})


def test_ids_that_come_at_once_share_messages(redis: Redis) -> None:
    engine = engine_of(make_app(redis.url()), "shared")
    told = {f"id-{number}": 20 if number % 2 else 10 for number in range(24)}

    async def publish_all() -> None:
        calls = [
            engine.publish(id_, seconds_left=60 + number, priority=told[id_])
            for number, id_ in enumerate(told)
        ]
        await asyncio.gather(*calls)

    asyncio.run(publish_all())
    found: dict[int, list[list[str]]] = {}
    lives: dict[int, list[int]] = {}
    with kombu.Connection(redis.url()) as connection:
        for level, name in ((10, "shared"), (20, "shared\x06\x163")):
            raw = connection.default_channel.client.lrange(name, 0, -1)
            queued = [json.loads(one) for one in reversed(raw)]
            bodies = [json.loads(base64.b64decode(one["body"])) for one in queued]
            found[level] = [args for args, _kwargs, _embedded in bodies]
            lives[level] = [int(one["properties"]["expiration"]) for one in queued]
    for level, messages in found.items():
        assert [len(ids) for ids in messages] == [10, 2]
        assert [*chain(*messages)] == [id_ for id_ in told if told[id_] == level]
    # As long as the email that lives longest.
    assert lives == {10: [78_000, 82_000], 20: [79_000, 83_000]}


def test_priorities_are_those_of_the_broker(redis: Redis) -> None:
    engine = engine_of(make_app(redis.url()), "priorities")
    for usage, priority in {**PRIORITIES, "Invite": 50, "News": 99}.items():
        asyncio.run(engine.publish(usage, seconds_left=60, priority=priority))
    with kombu.Connection(redis.url()) as connection:
        client = connection.default_channel.client
        lists = ["priorities", *(f"priorities\x06\x16{level}" for level in (3, 6, 9))]
        assert [client.llen(name) for name in lists] == [1, 2, 1, 1]


def test_the_queue_of_rabbitmq_is_a_quorum_queue(rabbitmq: RabbitMq) -> None:
    engine = engine_of(make_app(rabbitmq.url()), "quorum")
    asyncio.run(engine.publish("id", seconds_left=60, priority=10))
    with kombu.Connection(rabbitmq.url()) as connection:
        found = connection.default_channel.queue_declare("quorum", passive=True)
        assert found.message_count == 1
        classic = Queue("quorum", durable=True, channel=connection.channel())
        with pytest.raises(ChannelError, match="quorum"):
            classic.queue_declare()


def test_a_worker_goes_on_with_the_trace_and_raises_nothing(
    redis: Redis, capfd: pytest.CaptureFixture[str]
) -> None:
    app, worker = make_app(redis.url()), Noting()
    engine = engine_of(app, "traces", worker)
    app.amqp.queues.select(["traces"])
    options = {"perform_ping_check": False, "shutdown_timeout": PATIENCE}
    with start_worker(app, pool="threads", concurrency=1, **options):
        with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
            asyncio.run(engine.publish("raises", seconds_left=60, priority=10))
            asyncio.run(engine.publish("traced", seconds_left=60, priority=10))
        trace_id = span.get_span_context().trace_id
        for id_ in ("raises", "traced"):
            assert worker.noted.get(timeout=PATIENCE) == (id_, trace_id)
    said = capfd.readouterr().err
    assert "will be published again: ValueError" in said
    assert "canary" not in said


def test_each_id_of_a_message_has_its_own_trace_and_end(
    redis: Redis, capfd: pytest.CaptureFixture[str]
) -> None:
    app, worker = make_app(redis.url()), Noting(together=4)
    engine = engine_of(app, "several", worker)
    app.amqp.queues.select(["several"])
    tracer = TracerProvider().get_tracer("test")
    expected = {}

    async def publish_all() -> None:
        calls = []
        for id_ in ("waits for the last", "first", "raises", "last"):
            with tracer.start_as_current_span(id_) as span:
                call = engine.publish(id_, seconds_left=60, priority=10)
                calls.append(asyncio.create_task(call))
            expected[id_] = span.get_span_context().trace_id
        await asyncio.gather(*calls)

    asyncio.run(publish_all())
    with kombu.Connection(redis.url()) as connection:
        assert connection.default_channel.client.llen("several") == 1
    options = {"perform_ping_check": False, "shutdown_timeout": PATIENCE}
    with start_worker(app, pool="threads", concurrency=1, **options):
        found = [worker.noted.get(timeout=PATIENCE) for _id in expected]
    assert dict(found) == expected
    said = capfd.readouterr().err
    assert said.count("will be published again: ValueError") == 1
    assert "canary" not in said


@pytest.mark.parametrize(
    "traces",
    [None, 5, "xy", [], [{}], [{}, {}, {}], [5, "x"], [{"traceparent": 5}, {"tracestate": [1]}]],
)
def test_traces_that_somebody_forged_are_not_followed(traces: object) -> None:
    for found in separated({"passpost_traces": traces}, 2):
        with continued(found):
            assert not trace.get_current_span().get_span_context().is_valid
    assert len(separated({"passpost_traces": traces}, 2)) == 2


@pytest.mark.parametrize("queue", ["passpost", "others"])
def test_a_pool_that_asyncio_cannot_run_in_is_rejected(queue: str) -> None:
    app = make_app("redis://127.0.0.1:1/0")
    engine_of(app)
    app.amqp.queues.add(Queue("others"))
    app.amqp.queues.select([queue])
    worker = Mock(app=app, pool_cls=BasePool)
    if queue == "others":
        signals.worker_init.send(sender=worker)
        return
    with pytest.raises(SystemExit, match="passpost-celery: use the pool `threads`"):
        signals.worker_init.send(sender=worker)


@pytest.mark.parametrize("prefetches", [False, True])
def test_a_worker_of_redis_acknowledges_only_what_it_prefetches(prefetches: bool) -> None:
    app = make_app("redis://127.0.0.1:1/0", worker_disable_prefetch=not prefetches)
    engine_of(app, worker=Noting())
    app.amqp.queues.select(["passpost"])
    signals.worker_init.send(sender=Mock(app=app, pool_cls=TaskPool))
    # Without a limit, one worker would take the whole queue.
    assert app.amqp.queues["passpost"].no_ack is not prefetches


def test_a_worker_with_invalid_settings_does_not_start(redis_shop: Shop) -> None:
    one = redis_shop
    with one.outbox() as outbox:
        outbox.enqueue(message("user1"))
    settings = (one.folder / "passpost.jsonc").read_text("utf-8")
    (one.folder / "passpost.jsonc").write_text(settings.replace('"port"', '"prot"'), "utf-8")
    with one.worker("-P", "solo") as worker:
        assert worker.wait(PATIENCE) != 0
    said = one.log.read_text()
    assert re.search("passpost-celery: .*prot: unknown setting", said), said
    assert "ready" not in said
