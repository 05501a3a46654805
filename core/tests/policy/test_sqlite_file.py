"""A SQLite file for stores of one's own: transactions that are whole, and errors without values."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from passpost.stores import SqliteFile, StoreError

TABLE = "CREATE TABLE IF NOT EXISTS codes (code TEXT UNIQUE)"


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT COUNT(*) FROM codes").fetchone()
    return int(found)


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO codes VALUES ('493817')")


def test_a_transaction_is_whole_and_outlives_its_connection(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        insert(connection)
        raise RuntimeError

    async def scene() -> None:
        files = [SqliteFile(tmp_path / "file", lambda _: [TABLE]) for _ in range(2)]
        with pytest.raises(RuntimeError):
            await files[0].transact(fail)
        assert await files[1].transact(count) == 0
        await files[0].transact(insert)
        await files[0].aclose()
        assert [await file.transact(count) for file in files] == [1, 1]
        with pytest.raises(StoreError, match="UNIQUE") as caught:
            await files[1].transact(insert)
        assert "493817" not in str(caught.value)
        for file in files:
            file.close()

    asyncio.run(scene())


def test_a_busy_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passpost._stores.sqlite_file._PATIENCE", 0.01)
    file = SqliteFile(tmp_path / "file", lambda _: [TABLE], busy_hint="Wait.")
    with file._lock.here(), pytest.raises(StoreError, match="is busy") as caught:
        file.transact_now(count)
    assert caught.value.hint == "Wait."


def test_a_file_that_cannot_be_prepared_is_prepared_again(tmp_path: Path) -> None:
    statements = ["CREATE NONSENSE"]
    file = SqliteFile(tmp_path / "file", lambda _: statements)
    with pytest.raises(StoreError, match="syntax"):
        file.transact_now(count)
    statements[:] = [TABLE]
    assert file.transact_now(count) == 0
    file.close()
