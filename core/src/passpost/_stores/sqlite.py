"""The idempotency store of one machine: a SQLite file that all of its processes share."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread

from passpost._phrases import _
from passpost._stores.failure import StoreError
from passpost._stores.idempotency import Beginning, Begun, Record, Running, new_token, state_of
from passpost._stores.locks import ProcessLock

T = TypeVar("T")

_PATIENCE: Final = 5.0
"""Seconds to wait for another process that writes."""

_HINT: Final = _("Check that the folder exists, and that this process may write there.")
_BUSY: Final = _("Use Redis where processes send more than a file can note.")

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS passpost_sends (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, token TEXT NOT NULL,
  vanished_at REAL NOT NULL, over_at REAL NOT NULL, record TEXT
) WITHOUT ROWID
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS passpost_over ON passpost_sends (over_at)"
_OPENING: Final = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _TABLE, _INDEX)


class SqliteIdempotency:
    """Remembers sends in a file, with the wall clock of its machine.

    Each operation is one transaction in a thread. A send is noted on disk before its first attempt
    (``synchronous=FULL``), so that a machine that loses its power does not send twice.

    Args:
        path: The file; it is made where there is none. It has to be on a local disk: SQLite's
            locks do not hold on network file systems (sqlite.org/faq.html#q5).
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        # By process: SQLite's connections must not cross a fork, not even to be closed there
        # (sqlite.org/howtocorrupt.html, 2.6).
        self._connections: dict[int, sqlite3.Connection] = {}
        self._lock = ProcessLock()

    async def begin(
        self, key: str, fingerprint: str, *, running: float, kept: float, token: str | None = None
    ) -> Beginning:
        """Begin a send; see `IdempotencyStore.begin`.

        Raises:
            StoreError: The file cannot be read or written.
        """
        own, given_up = token or new_token(), list[bool]()

        def begin(connection: sqlite3.Connection) -> Beginning:
            # Whoever frees the key meanwhile comes after this: both wait for the same lock.
            if given_up:
                return Running()
            now = time.time()
            connection.execute("DELETE FROM passpost_sends WHERE over_at <= ?", (now,))
            found = connection.execute(
                "SELECT fingerprint, vanished_at, record, token FROM passpost_sends WHERE key = ?",
                (key,),
            ).fetchone()
            if found is not None:
                record = None if found[2] is None else _record(found[2])
                vanished = now >= found[1]
                return state_of(found[0], fingerprint, record, found[3], own, vanished=vanished)
            connection.execute(
                "INSERT INTO passpost_sends VALUES (?, ?, ?, ?, ?, NULL)",
                (key, fingerprint, own, now + running, now + kept),
            )
            return Begun(own)

        try:
            return await self._transact(begin)
        except BaseException:
            given_up.append(True)
            raise

    async def finish(self, key: str, token: str, record: Record) -> None:
        """Note how a send ended.

        Raises:
            StoreError: The file cannot be written.
        """
        text = json.dumps(dict(record))
        await self._transact(
            lambda connection: connection.execute(
                "UPDATE passpost_sends SET record = ? WHERE key = ? AND token = ?",
                (text, key, token),
            )
        )

    async def forget(self, key: str, token: str) -> None:
        """Free a key.

        Raises:
            StoreError: The file cannot be written.
        """
        await self._transact(
            lambda connection: connection.execute(
                "DELETE FROM passpost_sends WHERE key = ? AND token = ?", (key, token)
            )
        )

    async def aclose(self) -> None:
        """Close the file; the next operation opens it again."""
        await anyio.to_thread.run_sync(self.close)

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        with self._lock.here():
            connection = self._connections.pop(os.getpid(), None)
            if connection is not None:
                connection.close()

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # Abandoned past a deadline: what it does late is as if the reply had been lost.
        return await anyio.to_thread.run_sync(self._in_thread, work, abandon_on_cancel=True)

    def _in_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        lock = self._lock.here()
        if not lock.acquire(timeout=_PATIENCE):
            raise StoreError(_("the SQLite file {path} is busy", path=self._path), hint=_BUSY)
        try:
            return self._in_transaction(work)
        except sqlite3.Error as error:
            # SQLite's own words name tables and columns, and repeat no value.
            raise StoreError(
                _("the SQLite file {path}: {error}", path=self._path, error=error), hint=_HINT
            ) from None
        finally:
            lock.release()

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connections.get(os.getpid())
        if connection is None:
            connection = self._connections[os.getpid()] = self._connect()
        # Takes the lock for writing now: a transaction that reads first could not get it later.
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A commit that failed may have ended the transaction itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in _OPENING:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


def _record(text: str) -> Record:
    """Return a record; an empty one, from which no outcome can be read, if its text is damaged."""
    record: Any = {}
    with suppress(ValueError):
        record = json.loads(text)
    return record if isinstance(record, dict) else {}
