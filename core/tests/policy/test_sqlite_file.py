"""A SQLite file for stores of one's own: transactions that are whole, and errors without values."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
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


@pytest.mark.skipif(sys.platform == "win32", reason="processes do not fork there")
@pytest.mark.parametrize("is_new", [False, True], ids=["the same file", "new files"])
def test_a_fork_while_others_write_leaves_a_child_that_can_write(
    tmp_path: Path, *, is_new: bool
) -> None:
    # A lock of SQLite's own that another thread held would be held in the child for ever.
    busy, own = (SqliteFile(tmp_path / name, lambda _: [TABLE]) for name in ("busy", "own"))
    ending = threading.Event()

    def open_and_count() -> None:
        file = busy
        while not ending.is_set():
            if is_new:
                # It may be made while the fork waits for the others.
                file = SqliteFile(tmp_path / "busy", lambda _: [TABLE])
            file.transact_now(count)
            file.close()

    thread = threading.Thread(target=open_and_count)
    thread.start()
    try:
        for _time in range(50):
            child = os.fork()
            if child == 0:
                # Nothing of pytest's may run in the child.
                try:
                    signal.alarm(20)
                    os._exit(own.transact_now(count))
                finally:
                    os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        ending.set()
        thread.join()
    busy.close()
