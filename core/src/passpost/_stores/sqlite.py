"""The idempotency store of one machine: a SQLite file that all of its processes share."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from passpost._connector_info import Finding
from passpost._phrases import _
from passpost._stores.idempotency import Beginning, Begun, Record, Running, new_token, state_of
from passpost._stores.sqlite_file import SqliteFile

T = TypeVar("T")

_BUSY: Final = _("Use Redis where processes send more than a file can note.")

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS passpost_sends (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, token TEXT NOT NULL,
  vanished_at REAL NOT NULL, over_at REAL NOT NULL, record TEXT
) WITHOUT ROWID
"""
_INDEX: Final = "CREATE INDEX IF NOT EXISTS passpost_over ON passpost_sends (over_at)"
_OPENING: Final = (_TABLE, _INDEX)


class SqliteIdempotency:
    """Remembers sends in a file, with the wall clock of its machine.

    Each operation is one transaction in a thread. A send is noted on disk before its first attempt
    (``synchronous=FULL``), so that a machine that loses its power does not send twice.

    Args:
        path: The file; it is made where there is none. It has to be on a local disk: SQLite's
            locks do not hold on network file systems (sqlite.org/faq.html#q5).
    """

    def __init__(self, path: str | Path) -> None:
        self._file = SqliteFile(path, lambda _connection: _OPENING, busy_hint=_BUSY)

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

    async def check(self) -> list[Finding]:
        """Return that the file can be written to.

        Raises:
            StoreError: It cannot.
        """
        # A transaction of its own: it takes the lock for writing.
        look = "SELECT count(*) FROM passpost_sends WHERE key = ''"
        await self._transact(lambda connection: connection.execute(look).fetchone())
        what = _("{path} can be written to", path=self._file.path)
        return [Finding(_("store"), "ok", what, id="store.reachable")]

    async def aclose(self) -> None:
        """Close the file; the next operation opens it again."""
        await self._file.aclose()

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        self._file.close()

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # Abandoned past a deadline: what it does late is as if the reply had been lost.
        return await self._file.transact(work, abandons=True)


def _record(text: str) -> Record:
    """Return a record; an empty one, from which no outcome can be read, if its text is damaged."""
    record: Any = {}
    with suppress(ValueError):
        record = json.loads(text)
    return record if isinstance(record, dict) else {}
