"""The contract of engines, through each broker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from brokers import SilentProxy
from celery.contrib.testing.worker import start_worker

from passpost_celery import CeleryEngine
from passpost_outbox.testing import EngineSetup, OutboxEngineSuite
from pytest_passpost import SmtpServer

from .conftest import BROKERS, PATIENCE, Shop
from .shop import KEYS, shop


class Setup:
    """A shop whose web processes reach the broker through a proxy."""

    def __init__(self, one: Shop, proxy: SilentProxy) -> None:
        self._shop = one
        self._proxy = proxy
        self.store = one.store
        self.keys = KEYS
        _app, self.engine = shop({**one.task, "broker": one.broker.url(proxy.port)})

    def workers(self) -> AbstractContextManager[object]:
        app, _engine = shop(self._shop.task)
        app.amqp.queues.select([self._shop.task["queue"]])
        # In this process, because one of its own takes seconds to start; other tests have those.
        options = {"perform_ping_check": False, "shutdown_timeout": PATIENCE}
        worker: AbstractContextManager[object] = start_worker(
            app, pool="threads", concurrency=4, **options
        )
        return worker

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        self._proxy.go_silent()
        yield
        self._proxy.go_on()

    def queued(self) -> bytes:
        files = self._shop.broker.folder.rglob("*")
        return b"".join(path.read_bytes() for path in files if path.is_file())

    def sent(self) -> Mapping[str, int]:
        return self._shop.sent()


# The other tests are of both; all of these with RabbitMQ take half a minute more.
KINDS = BROKERS if "PASSPOST_FLEET" in os.environ else ("redis",)


class TestCelery(OutboxEngineSuite):
    @pytest.fixture(params=KINDS)
    def setup(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineSetup]:
        broker = request.getfixturevalue(request.param)
        with SmtpServer() as server, closing(SilentProxy(broker.port)) as proxy:
            found = Setup(Shop(broker, tmp_path, server), proxy)
            assert isinstance(found.engine, CeleryEngine)
            yield found
