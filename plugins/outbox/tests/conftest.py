"""An outbox in a folder, and a connector of this process that replies as it is told."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest

import passpost
from passpost import config
from passpost_outbox import AsyncOutbox, Keys, SqliteStore, Worker
from passpost_redis.testing import RedisProgram

sys.path.insert(0, str(Path(__file__).parent / "servers"))

from postgres_program import PostgresProgram

SECRET = b"s" * 16
_SCHEMAS = count()


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    @property
    def sender(self) -> passpost.Address:
        return passpost.Address("no-reply@example.com")


class Provider:
    """A connector that accepts emails, or does what it was told first."""

    def __init__(self) -> None:
        self.mails: list[passpost.Mail] = []
        self.answer: Callable[[], Awaitable[None]] | None = None

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        text = {"en": "provider"}
        return passpost.ConnectorInfo(
            id="provider", name=text, description=text, config_class=Config
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        if self.answer is not None:
            await self.answer()
        self.mails.append(mail)
        return passpost.Receipt("id-1", "250 OK")


class Bench:
    """One outbox with all of its parts, and a clock that tests set forward."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.sqlite"
        self.seconds = 1_000_000.0
        self.keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
        self.store = SqliteStore(self.path, clock=lambda: self.seconds)
        self.provider = Provider()

    def outbox(self, **options: Any) -> AsyncOutbox:
        return AsyncOutbox(self.store, self.keys, secret=SECRET, **options)

    def mailer(self) -> passpost.AsyncMailer:
        host = passpost.Host(environ={}, installed_extensions=())
        host.register(self.provider)
        settings = {
            "connectors": {"primary": {"use": "provider", "settings": {}}},
            "templates": [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}],
            "delivery": {"attempts": 1},
        }
        return passpost.AsyncMailer.from_settings(settings, host)

    def worker(self, mailer: passpost.AsyncMailer, **options: Any) -> Worker:
        return Worker(self.store, self.keys, mailer, **options)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProgram]:
    # Its machine does not lose its power, and tests end in half the time.
    with PostgresProgram(fsync="off") as program:
        yield program


@pytest.fixture
def postgres_url(postgres: PostgresProgram) -> str:
    """The URL of a server, with an empty schema for this test."""
    schema = f"test_{next(_SCHEMAS)}"
    postgres.execute(f"CREATE SCHEMA {schema}")
    return postgres.url_of(schema)


@pytest.fixture(scope="session")
def redis_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProgram]:
    program = RedisProgram(tmp_path_factory.mktemp("redis"))
    program.start()
    yield program
    program.kill()


@pytest.fixture
def server(redis_program: RedisProgram) -> Iterator[RedisProgram]:
    """A Redis server, empty."""
    with redis_program.client() as client:
        client.flushall()
    yield redis_program
    # What a test that failed has left paused would hang those after it.
    redis_program.go_on()
