"""Two versions side by side: each reads what the other one wrote.

The files in ``golden`` were written by the first version, and do not change.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passpost import Message
from passpost_outbox import AsyncOutbox, Keys, OutboxStore, Record, SqliteStore, Worker
from passpost_outbox.envelope import opened
from passpost_outbox.postgres import PostgresStore, ddl
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram

FOLDER = Path(__file__).parent / "golden"
WRITTEN = json.loads((FOLDER / "records.json").read_text("utf-8"))
RECORDS: dict[str, dict[str, Any]] = WRITTEN["records"]
BODY = base64.b64decode(WRITTEN["body"])
KEY = bytes(range(32))
KEYS = Keys({"2026-11": KEY}, use="2026-11")
SECRET = b"golden secret of the outbox"
QUEUED = RECORDS["queued"]
CONTENT = {
    "to": "queued@example.com", "usage": "SignIn", "payload": {"code": "493817"},
    "locale": ["zh-CN"], "idempotency_key": "order-7", "headers": {}, "reply_to": None,
    "context": {"n": 1},
}  # fmt: skip
COLUMNS = "ticket, state, usage, priority, deadline, publish_at, recipient, idem, record, body"


def message(name: str = "queued") -> Message:
    more: dict[str, Any] = {"payload": {"code": "493817"}, "locale": "zh-CN", "context": {"n": 1}}
    return Message(f"{name}@example.com", "SignIn", idempotency_key="order-7", **more)


def decrypted(body: bytes, record: dict[str, Any]) -> Any:
    """Read a body as the first version does."""
    size = body[1]
    name, rest = body[2 : 2 + size].decode("ascii"), body[2 + size :]
    assert (body[0], name) == (1, "2026-11")
    bound = json.dumps([1, name, record["id"], record["usage"], record["deadline"]]).encode()
    return json.loads(AESGCM(KEY).decrypt(rest[:12], rest[12:], bound))


def kinds(data: dict[str, Any]) -> dict[str, str]:
    return {name: type(value).__name__ for name, value in data.items()}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_the_first_form_stays_what_it_is(name: str) -> None:
    record = Record.from_json(RECORDS[name])
    assert record.state == name
    assert record.more == {}
    assert record.as_json() == RECORDS[name]


def test_a_body_of_the_first_form_is_read() -> None:
    bound: dict[str, Any] = {name: QUEUED[name] for name in ("usage", "deadline")}
    expires = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
    found = opened(BODY, KEYS, id_=QUEUED["id"], **bound, expires=expires)
    assert found.to.address == "queued@example.com"
    assert (dict(found.payload), list(found.locale)) == ({"code": "493817"}, ["zh-CN"])
    assert decrypted(BODY, QUEUED) == CONTENT


def from_file(folder: Path, _request: pytest.FixtureRequest) -> OutboxStore:
    path = folder / "outbox.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((FOLDER / "outbox.sql").read_text("utf-8"))
    return SqliteStore(path)


def from_redis(_folder: Path, request: pytest.FixtureRequest) -> OutboxStore:
    server: RedisProgram = request.getfixturevalue("server")
    with server.client() as client:
        for key, (kind, value) in json.loads((FOLDER / "redis.json").read_text("utf-8")).items():
            if kind == "zset":
                client.zadd(key, dict(value))
            elif kind == "hash":
                client.hset(key, mapping=value)
            else:
                client.set(key, value)
    return RedisStore(server.url)


@pytest.mark.parametrize("restore", [from_file, from_redis])
def test_an_outbox_of_the_first_form_goes_on(
    bench: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    restore: Callable[[Path, pytest.FixtureRequest], OutboxStore],
) -> None:
    async def check() -> None:
        store = restore(tmp_path, request)
        states = dict.fromkeys(RECORDS, 1)
        async with AsyncOutbox(store, KEYS, secret=SECRET) as outbox, bench.mailer() as mailer:
            assert await outbox.counts() == states
            # The hash of the key and the address is the same, and so is that of the content.
            ticket = await outbox.enqueue(message())
            assert await outbox.counts() == states
            worker = Worker(store, KEYS, mailer)
            assert await worker.drain() == 1
            status = await outbox.status(ticket.id)
            assert status is not None
            assert (status.state, status.recipient) == ("accepted", "q…@example.com")
            assert [mail.to.address for mail in bench.provider.mails] == ["queued@example.com"]
            assert await store.purge(age=-1) == 5
            assert await outbox.counts() == {"sending": 1}

    asyncio.run(check())


async def put(store: OutboxStore) -> str:
    async with AsyncOutbox(store, KEYS, secret=SECRET, lifetime=60) as outbox:
        return (await outbox.enqueue(message())).id


def test_the_first_form_reads_a_file_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    asyncio.run(put(SqliteStore(path)))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        names = COLUMNS.split(", ")
        (row,) = connection.execute(f"SELECT {COLUMNS} FROM outbox").fetchall()  # noqa: S608 - of the text above
        known = {text for (text,) in connection.execute("SELECT sql FROM sqlite_master")}
    found = dict(zip(names, row, strict=True))
    record = json.loads(found["record"])
    assert version == 1
    assert kinds(record) == kinds(QUEUED)
    for name in ("state", "usage", "priority", "deadline", "publish_at", "recipient", "idem"):
        assert found[name] == record[name]
    assert (record["recipient"], record["idem"]) == (QUEUED["recipient"], QUEUED["idem"])
    assert decrypted(found["body"], record) == CONTENT
    # Each table and index that its statements name.
    first = (FOLDER / "outbox.sql").read_text("utf-8")
    assert all(text in first for text in known if text and "sqlite_sequence" not in text)


def test_the_first_form_reads_what_this_one_puts_into_redis(server: RedisProgram) -> None:
    id_ = asyncio.run(put(RedisStore(server.url)))
    first = json.loads((FOLDER / "redis.json").read_text("utf-8"))
    old = {re.sub(r":[\w-]{22}$", "", key): kind for key, (kind, _value) in first.items()}
    base = "passpost:{outbox}"
    with server.client() as client:
        new = {re.sub(r":[\w-]{22}$", "", key): client.type(key) for key in client.scan_iter()}
        assert new.items() <= old.items()
        text = client.get(f"{base}:record:{id_}")
        body = client.get(f"{base}:body:{id_}")
        (member,) = client.zrange(f"{base}:queue", 0, -1)
        (to,) = client.zrange(f"{base}:to", 0, -1)
        assert client.get(f"{base}:form") == "1"
    record = json.loads(text[8:])
    assert kinds(record) == kinds(QUEUED)
    assert decrypted(base64.b64decode(body), record) == CONTENT
    assert (member[:16], member[16:]) == ("0000000000000001", id_)
    assert to == "\0".join((record["recipient"], "SignIn", id_))


def test_the_tables_of_postgresql_are_those_of_the_first_form(postgres_url: str) -> None:
    assert ddl().strip() == (FOLDER / "postgres.sql").read_text("utf-8").strip()

    async def check() -> None:
        store = PostgresStore(postgres_url)
        id_ = await put(store)
        record, body = await store.get(id_), await store.body(id_)
        await store.aclose()
        assert record is not None
        assert body is not None
        assert kinds(record.as_json()) == kinds(QUEUED)
        assert decrypted(body, record.as_json()) == CONTENT

    asyncio.run(check())
