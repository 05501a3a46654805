"""An email is stored in the application's own transaction: with it, or not at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from passpost import Message, MessageError
from passpost.stores import StoreError
from passpost_outbox import AsyncOutbox, Keys, Outbox, SqliteStore
from passpost_outbox.postgres import PostgresStore

KEYS = Keys({"2026-11": b"k" * 32}, use="2026-11")
SECRET = b"s" * 16
EMAIL = Message("ada@example.com", "SignIn", {"code": "493817"})

Begin = Callable[[str], AbstractContextManager[Any]]


@contextmanager
def with_psycopg(url: str) -> Iterator[Any]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        yield connection


@contextmanager
def with_psycopg_in_autocommit(url: str) -> Iterator[Any]:
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        yield connection


def engine_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


@contextmanager
def with_sqlalchemy_connection(url: str) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(engine_url(url))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def with_sqlalchemy_session(url: str) -> Iterator[Any]:
    engine = sqlalchemy.create_engine(engine_url(url))
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()


KINDS = [
    with_psycopg,
    with_psycopg_in_autocommit,
    with_sqlalchemy_connection,
    with_sqlalchemy_session,
]


@pytest.fixture
def outbox(postgres_url: str) -> Iterator[Outbox]:
    with Outbox(PostgresStore(postgres_url), KEYS, secret=SECRET) as outbox:
        # The tables are made by the store's own connections.
        outbox.counts()
        yield outbox


@pytest.mark.parametrize("begin", KINDS)
def test_what_is_committed_is_sent(begin: Begin, outbox: Outbox, postgres_url: str) -> None:
    with begin(postgres_url) as connection:
        ticket = outbox.enqueue(EMAIL, within=connection)
        assert outbox.counts() == {}, "it can be seen before the commit"
    assert outbox.counts() == {"queued": 1}
    status = ticket.wait(0)
    assert status is not None
    assert status.recipient == "a…@example.com"


class UndoneError(Exception):
    pass


@pytest.mark.parametrize("begin", KINDS)
def test_what_is_rolled_back_is_not_sent(begin: Begin, outbox: Outbox, postgres_url: str) -> None:
    tickets = []

    def work() -> None:
        with begin(postgres_url) as connection:
            tickets.append(outbox.enqueue(EMAIL, within=connection))
            raise UndoneError

    with pytest.raises(UndoneError):
        work()
    assert outbox.counts() == {}
    assert outbox.status(tickets[0].id) is None


@asynccontextmanager
async def with_async_psycopg(url: str) -> AsyncIterator[Any]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        yield connection


@asynccontextmanager
async def with_async_connection(url: str) -> AsyncIterator[Any]:
    engine = create_async_engine(engine_url(url))
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def with_async_session(url: str) -> AsyncIterator[Any]:
    engine = create_async_engine(engine_url(url))
    try:
        async with AsyncSession(engine) as session, session.begin():
            yield session
    finally:
        await engine.dispose()


BeginAsync = Callable[[str], AbstractAsyncContextManager[Any]]
ASYNC_KINDS = [with_async_psycopg, with_async_connection, with_async_session]


@pytest.mark.parametrize("begin", ASYNC_KINDS)
def test_a_coroutine_stores_in_its_transaction(begin: BeginAsync, postgres_url: str) -> None:
    async def undo(outbox: AsyncOutbox) -> None:
        async with begin(postgres_url) as connection:
            await outbox.enqueue(EMAIL, within=connection)
            raise UndoneError

    async def run() -> None:
        async with AsyncOutbox(PostgresStore(postgres_url), KEYS, secret=SECRET) as outbox:
            assert await outbox.counts() == {}
            with pytest.raises(UndoneError):
                await undo(outbox)
            assert await outbox.counts() == {}
            async with begin(postgres_url) as connection:
                await outbox.enqueue(EMAIL, within=connection)
                assert await outbox.counts() == {}
            assert await outbox.counts() == {"queued": 1}

    asyncio.run(run())


DJANGO = """
import sys
from django.conf import settings
from psycopg import conninfo

known = conninfo.conninfo_to_dict(sys.argv[1])
names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
database = {name: known[libpq] for name, libpq in names.items()}
database |= {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"options": known["options"]}}
settings.configure(DATABASES={"default": database})
import django
django.setup()

from django.db import connection, transaction
from passpost import Message
from passpost_outbox import Keys, Outbox
from passpost_outbox.postgres import PostgresStore

email = Message("ada@example.com", "SignIn", {"code": "493817"})
keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
with Outbox(PostgresStore(sys.argv[1]), keys, secret=b"s" * 16) as outbox:
    print(outbox.counts())
    try:
        with transaction.atomic():
            outbox.enqueue(email, within=connection)
            raise LookupError
    except LookupError:
        print(outbox.counts())
    with transaction.atomic():
        outbox.enqueue(email, within=connection)
    print(outbox.counts())
    try:
        outbox.enqueue(email, within=connection)
    except ValueError as error:
        print(error)
connection.close()
"""


def test_django_stores_in_its_transaction(postgres_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", DJANGO, postgres_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    *counts, told = done.stdout.splitlines()
    assert counts == ["{}", "{}", "{'queued': 1}"]
    assert "has no transaction" in told


def test_a_newer_code_replaces_the_older_one_at_the_commit(
    outbox: Outbox, postgres_url: str
) -> None:
    older = outbox.enqueue(EMAIL)
    with psycopg.connect(postgres_url) as connection:
        outbox.enqueue(EMAIL, supersedes=("ada@example.com", "SignIn"), within=connection)
        before = older.wait(0)
        assert before is not None
        assert before.state == "queued"
    after = older.wait(0)
    assert after is not None
    assert (after.state, after.reason) == ("expired", "superseded")


def test_a_key_that_names_another_email_is_a_message_error(
    outbox: Outbox, postgres_url: str
) -> None:
    one, other = (
        Message("ada@example.com", "SignIn", {"code": code}, idempotency_key="key")
        for code in ("1", "2")
    )
    ticket = outbox.enqueue(one)
    with psycopg.connect(postgres_url) as connection:
        assert outbox.enqueue(one, within=connection).id == ticket.id
        with pytest.raises(MessageError, match="another email"):
            outbox.enqueue(other, within=connection)


def test_a_key_that_a_transaction_holds_keeps_nobody_else_waiting(postgres_url: str) -> None:
    keyed = Message("ada@example.com", "SignIn", {"code": "1"}, idempotency_key="key")

    async def run() -> None:
        async with AsyncOutbox(PostgresStore(postgres_url), KEYS, secret=SECRET) as outbox:
            await outbox.counts()
            async with with_async_psycopg(postgres_url) as connection:
                first = await outbox.enqueue(keyed, within=connection)
                second = asyncio.create_task(outbox.enqueue(keyed))
                await asyncio.gather(*(outbox.enqueue(EMAIL) for _ in range(5)))
                assert not second.done()
            assert (await second).id == first.id

    asyncio.run(run())


def test_a_connection_without_a_transaction_is_rejected(outbox: Outbox, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        with pytest.raises(ValueError, match="no transaction"):
            outbox.enqueue(EMAIL, within=connection)
        assert outbox.counts() == {}


def test_what_cannot_be_used_is_rejected(outbox: Outbox, postgres_url: str, tmp_path: Any) -> None:
    with psycopg.connect(postgres_url) as connection:
        other = Outbox(SqliteStore(tmp_path / "outbox.sqlite"), KEYS, secret=SECRET)
        with pytest.raises(TypeError, match="SqliteStore does not write"):
            other.enqueue(EMAIL, within=connection)
        blocking = AsyncOutbox(PostgresStore(postgres_url), KEYS, secret=SECRET)
        with pytest.raises(TypeError, match="is for Outbox"):
            asyncio.run(blocking.enqueue(EMAIL, within=connection))
    with pytest.raises(TypeError, match="not a int"):
        outbox.enqueue(EMAIL, within=1)


@pytest.mark.parametrize("begin", KINDS)
def test_a_failure_is_told_without_the_words_of_the_library(
    begin: Begin, postgres_url: str
) -> None:
    # Nobody has made the tables.
    outbox = Outbox(PostgresStore(postgres_url), KEYS, secret=SECRET)
    with pytest.raises(StoreError) as caught, begin(postgres_url) as connection:
        outbox.enqueue(EMAIL, within=connection)
    assert str(caught.value) == (
        "PostgreSQL at the application's connection has no tables of the outbox: 42P01"
    )
    assert caught.value.__context__ is None
