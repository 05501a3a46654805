"""The store of this package keeps the contract of stores."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passpost.stores import StoreError
from passpost_outbox import OutboxStore, SqliteStore
from passpost_outbox.redis import RedisStore
from passpost_outbox.testing import OutboxStoreSuite


class TestRedis(OutboxStoreSuite):
    @pytest.fixture
    def connect(self, server: Any) -> Callable[[], OutboxStore]:
        return lambda: RedisStore(server.url)


class TestSqlite(OutboxStoreSuite):
    @pytest.fixture
    def connect(self, tmp_path: Path) -> Callable[[], OutboxStore]:
        return lambda: SqliteStore(tmp_path / "outbox.sqlite")


def test_a_file_of_a_newer_version_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=2")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        asyncio.run(SqliteStore(path).counts())


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no-folder") as caught:
        asyncio.run(SqliteStore(tmp_path / "no-folder/outbox.sqlite").counts())
    assert caught.value.hint.startswith("Check that the folder exists")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("_NEXT", "outbox_next"),
        ("_TO", "outbox_to"),
        ("_OVERDUE", "outbox_overdue"),
        ("_STALE", "outbox_stale"),
        ("_DEAD", "outbox_dead"),
        ("_PURGE", "outbox_ended"),
    ],
)
def test_the_questions_of_workers_read_an_index_in_order(
    tmp_path: Path, query: str, index: str
) -> None:
    from passpost_outbox import sqlite  # noqa: PLC0415 - its queries are its own business

    path = tmp_path / "outbox.sqlite"
    asyncio.run(SqliteStore(path).counts())
    connection = sqlite3.connect(path)
    text = getattr(sqlite, query)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", (0,) * text.count("?")).fetchall()
    connection.close()
    steps = " ".join(row[3] for row in plan)
    assert index in steps
    assert "TEMP B-TREE" not in steps, "sorting costs more with each record that waits"
