"""The servers of ``bench_outbox.py``: stores and brokers of its own on loopback, near or far."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import attrs

from passpost_redis.testing import RedisProgram
from pytest_passpost import DelayProxy

_PLUGINS: Final = Path(__file__).parents[1] / "plugins"
sys.path += [str(_PLUGINS / name / "tests/servers") for name in ("outbox", "celery")]

from brokers import RabbitMq  # noqa: E402 - of the folders above
from postgres_program import PostgresProgram  # noqa: E402 - likewise

_numbers = count(1)


@attrs.frozen
class Server:
    """A server, and how to reach it.

    Attributes:
        url: Its own URL.
        far: Its URL behind the proxy.
    """

    url: str
    far: str


@attrs.frozen
class Servers:
    """All of them.

    Attributes:
        folder: Where files may be made.
        redis: The store in Redis, which writes each change to its disk before it replies.
        postgres: The store in PostgreSQL, and the queue of Procrastinate.
        broker: The Redis of Celery, which writes to its disk each second.
        rabbitmq: The RabbitMQ of Celery.
    """

    folder: Path
    redis: Server
    postgres: Server
    broker: Server
    rabbitmq: Server
    _postgres_program: PostgresProgram
    _redis_program: RedisProgram

    def empty_redis(self) -> None:
        """Delete all that the store in Redis has."""
        with self._redis_program.client() as client:
            client.flushall()

    def database(self) -> tuple[str, str]:
        """Make a database, and return its URLs, near and far."""
        name = f"bench{next(_numbers)}"
        self._postgres_program.execute(f"CREATE DATABASE {name}")
        near, far = self.postgres.url, self.postgres.far
        return _named(near, name), _named(far, name)


@contextmanager
def running(delay: float) -> Iterator[Servers]:
    """Run all servers.

    Args:
        delay: Seconds that each octet takes one way to those that are far.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def server(url: str) -> Server:
            port = urlsplit(url).port
            assert port is not None
            proxy = stack.enter_context(DelayProxy(("127.0.0.1", port), delay))
            return Server(url, url.replace(f":{port}", f":{proxy.port}"))

        def redis(fsync: str) -> RedisProgram:
            own = folder / fsync
            own.mkdir()
            program = RedisProgram(own, fsync=fsync)
            program.start()
            stack.callback(program.kill)
            return program

        postgres = stack.enter_context(PostgresProgram())
        rabbitmq = RabbitMq(folder)
        rabbitmq.start()
        stack.callback(rabbitmq.close)
        store, broker = redis("always"), redis("everysec")
        yield Servers(
            folder,
            server(store.url),
            server(postgres.url),
            server(broker.url),
            server(rabbitmq.url()),
            postgres,
            store,
        )


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
