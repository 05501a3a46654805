"""An outbox in a folder, and a connector of this process that replies as it is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import passpost
from passpost_outbox import AsyncOutbox, Keys, SqliteStore, Worker
from passpost_redis.testing import redis_program, server  # noqa: F401 - fixtures

sys.path.insert(0, str(Path(__file__).parent / "servers"))

from postgres_program import PostgresProgram
from recording import Connector

SECRET = b"s" * 16
_SCHEMAS = count()


class Provider(Connector):
    """A connector that accepts emails, or does what it was told first."""

    def __init__(self) -> None:
        self.mails: list[passpost.Mail] = []
        self.answer: Callable[[], Awaitable[None]] | None = None

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        if self.answer is not None:
            await self.answer()
        self.mails.append(mail)
        return passpost.Receipt("id-1", "250 OK")


class Held:
    """A reply of the provider that comes when a test says so.

    Attributes:
        sending: Set as soon as an email waits for it.
        go_on: Lets all of them be accepted.
    """

    def __init__(self) -> None:
        self.sending = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        self.sending.set()
        await self.go_on.wait()


class Bench:
    """One outbox with all of its parts, and a clock that tests set forward."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.sqlite"
        self.seconds = 1_000_000.0
        self.keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
        self.store = SqliteStore(self.path, clock=lambda: self.seconds)
        self.provider = Provider()

    def hold(self) -> Held:
        """Let emails be under way until the test says so."""
        held = self.provider.answer = Held()
        return held

    def outbox(self, **options: Any) -> AsyncOutbox:
        return AsyncOutbox(self.store, self.keys, secret=SECRET, **options)

    def mailer(self) -> passpost.AsyncMailer:
        return self.provider.mailer()

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
