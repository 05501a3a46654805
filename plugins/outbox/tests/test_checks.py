"""``passpost check --connect`` and ``passpost doctor`` ask the store of an outbox."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from postgres_program import PASSWORD

from passpost_cli.program import cli
from passpost_outbox import AsyncOutbox, Keys, SqliteStore
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.settings import SqliteSettings
from passpost_redis.testing import RedisProgram

CONNECTOR = {"host": "127.0.0.1", "port": 1, "fromEmail": "a@example.com", "ignoreTLS": True}


def write(folder: Path, store: dict[str, Any], keys: dict[str, Any] | None = None) -> str:
    keys = keys or {"use": "2026-11", "values": {"2026-11": "ab" * 32}}
    whole = {
        "connectors": {"primary": {"use": "smtp", "settings": CONNECTOR}},
        "templates": [{"usageType": "Generic", "subject": "x", "content": "x"}],
        "outbox": {"store": store, "keys": keys, "secret": "0d9b0c6e6a5e4e6f8c8d"},
    }
    path = folder / "passpost.json"
    path.write_text(json.dumps(whole), "utf-8")
    return str(path)


def found(file: str) -> dict[str, str]:
    """Return the result of each finding, which both commands have to agree on."""
    result = CliRunner().invoke(cli, ("check", "--connect", "--json", "--timeout", "20", file))
    findings = json.loads(result.stdout)["stores"]
    assert {one["subject"] for one in findings} == {"outbox"}
    arguments = ("doctor", "--no-sender", "--json", "--timeout", "20", file)
    document = json.loads(CliRunner().invoke(cli, arguments).stdout)
    said = [one for one in document["diagnoses"] if one["connector"] == "stores"]
    words = [(one["id"], one["result"], one["evidence"], one["remedy"]) for one in findings]
    assert [(one["id"], one["result"], one["evidence"], one["remedy"]) for one in said] == words
    assert all(one["remedy"] for one in findings if one["result"] != "ok")
    return {one["id"]: one["result"] for one in findings}


def test_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, {"use": "sqlite", "path": "outbox.sqlite"})
    assert found(file) == {"store.reachable": "ok", "keys.readable": "ok"}
    assert not (tmp_path / "outbox.sqlite-wal").exists(), "it stayed open"


def test_a_file_that_cannot_be_made_and_keys_that_cannot_be_read(tmp_path: Path) -> None:
    store = {"use": "sqlite", "path": "nowhere/outbox.sqlite"}
    file = write(tmp_path, store, {"folder": "no-keys"})
    assert found(file) == {"store.unreachable": "error", "keys.unreadable": "error"}


def test_redis_is_asked_what_it_forgets(tmp_path: Path, server: RedisProgram) -> None:
    known = {"store.reachable": "ok", "store.eviction": "ok", "keys.readable": "ok"}
    with server.client() as client:
        client.config_set("appendfsync", "everysec")
        file = write(tmp_path, {"use": "redis", "url": server.url})
        assert found(file) == {**known, "store.durability": "error"}
        file = write(tmp_path, {"use": "redis", "url": server.url, "durability": "everysec"})
        assert found(file) == {**known, "store.durability": "ok"}
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert found(file)["store.eviction"] == "error"
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendfsync", "always")
        file = write(tmp_path, {"use": "redis", "url": server.url})
        assert found(file) == {**known, "store.durability": "ok"}
        assert client.dbsize() == 0, "a check wrote something"


def test_a_redis_server_that_is_away(tmp_path: Path) -> None:
    file = write(tmp_path, {"use": "redis", "url": "redis://:canary@127.0.0.1:1/0"})
    assert found(file) == {"store.unreachable": "error", "keys.readable": "ok"}
    assert "canary" not in CliRunner().invoke(cli, ("check", "--connect", file)).output


def test_postgresql_is_asked_for_its_tables(
    tmp_path: Path, postgres: Any, postgres_url: str
) -> None:
    # The server of the tests has `fsync=off`.
    known = {"store.reachable": "ok", "store.durability": "warning", "keys.readable": "ok"}
    schema = re.findall(r"test_\d+", postgres_url)[0]
    file = write(tmp_path, {"use": "postgres", "url": postgres_url})
    assert found(file) == {**known, "store.tables": "ok"}
    count = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'"  # noqa: S608 - of this test's own schema
    assert postgres.execute(count) == [(0,)], "a check made tables"

    role = f"web_{schema}"
    postgres.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    postgres.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
    limited = postgres_url.replace("//postgres:", f"//{role}:")
    theirs = write(tmp_path, {"use": "postgres", "url": limited})
    assert found(theirs) == {**known, "store.tables": "error"}

    async def use() -> None:
        store, keys = PostgresStore(postgres_url), Keys({"a": b"k" * 32}, use="a")
        async with AsyncOutbox(store, keys, secret=b"s" * 16) as outbox:
            await outbox.counts()

    asyncio.run(use())
    assert found(theirs) == {**known, "store.tables": "error"}
    postgres.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.passpost_outbox TO {role};"
        f"GRANT SELECT, UPDATE ON {schema}.passpost_outbox_meta TO {role}"
    )
    assert found(theirs) == {**known, "store.tables": "ok"}
    postgres.execute(f"UPDATE {schema}.passpost_outbox_meta SET version = 2")  # noqa: S608 - of this test's own schema
    assert found(theirs) == {**known, "store.tables": "error"}


def test_a_store_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        """A store that knows no check."""

        def __init__(self, store: SqliteStore) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            if name == "check":
                raise AttributeError(name)
            return getattr(self._store, name)

    store = SqliteStore(tmp_path / "outbox.sqlite")
    monkeypatch.setattr(SqliteSettings, "open_store", lambda _settings, _folder: Plain(store))
    file = write(tmp_path, {"use": "sqlite", "path": "outbox.sqlite"})
    assert found(file) == {"store.reachable": "ok", "keys.readable": "ok"}
