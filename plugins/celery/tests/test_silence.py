"""A broker that goes silent: each publish ends by itself, and later ones find it again."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest
from brokers import Broker, RabbitMq, SilentProxy

from passpost.stores import StoreError

from .conftest import BROKERS, PATIENCE
from .test_setup import engine_of, make_app

# As many as an engine has under way at a time.
CALLS = 4


@pytest.fixture
def default_timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """What anybody makes the timeout of all sockets of the process."""
    noted: list[float | None] = []
    monkeypatch.setattr(socket, "setdefaulttimeout", noted.append)
    return noted


@pytest.mark.parametrize("kind", BROKERS)
def test_a_publish_to_a_silent_broker_ends(
    kind: str, request: pytest.FixtureRequest, default_timeouts: list[float | None]
) -> None:
    broker: Broker = request.getfixturevalue(kind)
    with closing(SilentProxy(broker.port)) as proxy:
        engine = engine_of(make_app(broker.url(proxy.port)), "silence")

        async def publish() -> list[type]:
            calls = (engine.publish("id", seconds_left=60, priority=10) for _call in range(CALLS))
            all_calls = asyncio.gather(*calls, return_exceptions=True)
            return [type(ended) for ended in await asyncio.wait_for(all_calls, PATIENCE)]

        assert asyncio.run(publish()) == [type(None)] * CALLS
        proxy.go_silent()
        assert asyncio.run(publish()) == [StoreError] * CALLS
        proxy.go_on()
        assert asyncio.run(publish()) == [type(None)] * CALLS
    assert default_timeouts == [], "sockets of the application got a timeout"


def test_a_publish_finds_a_broker_that_dropped_its_connections(rabbitmq: RabbitMq) -> None:
    with closing(SilentProxy(rabbitmq.port)) as proxy:
        engine = engine_of(make_app(rabbitmq.url(proxy.port)), "dropped")
        for _call in range(2 * CALLS):
            asyncio.run(engine.publish("id", seconds_left=60, priority=10))
            proxy.drop()
