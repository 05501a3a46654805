"""The outbox of one machine: a SQLite file that all of its processes share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from passpost import Finding
from passpost.phrases import Phrases
from passpost.stores import SqliteFile, StoreError
from passpost_outbox.checking import finding
from passpost_outbox.listening import Listened
from passpost_outbox.records import (
    Claim,
    Event,
    Record,
    State,
    Supersede,
    body_after,
    decide,
    placed,
)
from passpost_outbox.store import (
    UPDATE_FIRST,
    Change,
    columns_of,
    indexed,
    is_found,
    is_readable,
    read_record,
    say_set_aside,
    write_record,
)
from passpost_outbox.together import Together

T = TypeVar("T")
_Work = Callable[[sqlite3.Connection], Any]
_ = Phrases("passpost_outbox")

_BUSY: Final = _("Run fewer workers, or put the file on a faster disk.")

_PATIENCE: Final = 5.0
"""Seconds that a request may take, with the wait for others and for the file."""

_PASSED: Final = 1000
"""Edited rows that one claim passes at most, so that others may write in between."""

VERSION: Final = 1
"""The form of the tables."""

# An index for each question that workers ask, of the records alone that can be an answer.
_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, ticket TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
      usage TEXT NOT NULL, priority INTEGER NOT NULL, deadline INTEGER NOT NULL,
      publish_at INTEGER NOT NULL, lease_until INTEGER, finished_at INTEGER,
      recipient TEXT NOT NULL, idem TEXT UNIQUE, record TEXT NOT NULL, body BLOB
    )
    """,
    (
        "CREATE INDEX IF NOT EXISTS outbox_next ON outbox (priority, seq, deadline)"
        " WHERE state = 'queued'"
    ),
    "CREATE INDEX IF NOT EXISTS outbox_overdue ON outbox (deadline) WHERE state = 'queued'",
    "CREATE INDEX IF NOT EXISTS outbox_stale ON outbox (publish_at) WHERE state = 'queued'",
    "CREATE INDEX IF NOT EXISTS outbox_to ON outbox (recipient, usage) WHERE state = 'queued'",
    "CREATE INDEX IF NOT EXISTS outbox_dead ON outbox (lease_until) WHERE state = 'sending'",
    "CREATE INDEX IF NOT EXISTS outbox_ended ON outbox (finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state)",
    "CREATE TABLE IF NOT EXISTS outbox_leader (one INTEGER PRIMARY KEY, owner TEXT, until INTEGER)",
)

_INSERT: Final = """
INSERT INTO outbox
  (ticket, state, usage, priority, deadline, publish_at, recipient, idem, record, body)
VALUES (:ticket, :state, :usage, :priority, :deadline, :publish_at, :recipient, :idem, :record,
  :body)
"""
_UPDATE: Final = """
UPDATE outbox
SET state = :state, deadline = :deadline, publish_at = :publish_at, lease_until = :lease_until,
  finished_at = :finished_at, record = :record, body = :body
WHERE ticket = :ticket
"""
# A record that cannot be read has no other columns of its own.
_PLACE: Final = """
UPDATE outbox SET state = :state, deadline = :deadline, publish_at = :publish_at,
  lease_until = :lease_until, finished_at = :finished_at
WHERE ticket = :ticket AND (state <> :state OR :readable
  AND (deadline, publish_at, lease_until, finished_at)
  IS NOT (:deadline, :publish_at, :lease_until, :finished_at))
"""
_NEXT: Final = """
SELECT ticket, record, body FROM outbox INDEXED BY outbox_next
WHERE state = 'queued' AND deadline > ? ORDER BY priority, seq LIMIT 1
"""
_OVERDUE: Final = """
SELECT ticket, record FROM outbox INDEXED BY outbox_overdue WHERE state = 'queued' AND deadline <= ?
ORDER BY deadline LIMIT ?
"""
_STALE: Final = """
SELECT ticket, record FROM outbox INDEXED BY outbox_stale WHERE state = 'queued' AND publish_at <= ?
ORDER BY publish_at LIMIT ?
"""
_DEAD: Final = """
SELECT ticket, record FROM outbox INDEXED BY outbox_dead
WHERE state = 'sending' AND lease_until <= ? ORDER BY lease_until LIMIT ?
"""
_TO: Final = """
SELECT ticket, record FROM outbox INDEXED BY outbox_to
WHERE state = 'queued' AND recipient = ? AND usage = ?
"""
# The planner finds an index for what is asked for alone, and none for "everything or this".
_FILTERS: Final = {
    "state": "state = ?",
    "usage": "usage = ?",
    "before": "seq < (SELECT seq FROM outbox WHERE ticket = ?)",
}
_PURGE: Final = """
DELETE FROM outbox WHERE seq IN (
  SELECT seq FROM outbox WHERE finished_at IS NOT NULL AND finished_at <= ?
  ORDER BY finished_at LIMIT ?
)
"""
_PURGE_STATE: Final = _PURGE.replace("ORDER BY", "AND state = ? ORDER BY")


class SqliteStore(Listened):
    """Keeps records in a file, with the wall clock of its machine.

    Operations run in a thread, and are on disk when they return (``synchronous=FULL``). Those that
    come while another one is under way share a transaction. Bodies that were deleted are
    overwritten (``secure_delete``).

    Args:
        path: The file; it is made where there is none. It has to be on a local disk: SQLite's
            locks do not hold on network file systems (sqlite.org/faq.html#q5).
        clock: The time in seconds, the same for all processes.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._file = SqliteFile(path, self._opening, busy_hint=_BUSY)
        self._clock = clock
        # One call at a time: there is one connection.
        self._works: Together[_Work, Any] = Together(self._transact_all)

    async def now(self) -> int:
        """Return the machine's time in milliseconds."""
        return self._now()

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record; see `OutboxStore.put`."""

        def put(connection: sqlite3.Connection) -> tuple[Record, list[Change | None]]:
            if record.idem is not None:
                query = "SELECT ticket, record FROM outbox WHERE idem = ?"
                known = _read(connection, query, record.idem)
                if known:
                    return known[0], []
            olders = () if supersedes is None else _read(connection, _TO, *supersedes)
            ended = [self._change(connection, older, None, Supersede()) for older in olders]
            connection.execute(_INSERT, columns_of(record, body))
            return record, ended

        stored, ended = await self._in_time(put)
        self.notice(*filter(None, ended))
        return stored

    async def apply(self, id_: str, event: Event) -> Change | None:
        """Apply an event to a record; see `OutboxStore.apply`."""

        def apply(connection: sqlite3.Connection) -> tuple[Change | None, Change | None]:
            query = "SELECT record, body FROM outbox WHERE ticket = ?"
            row = connection.execute(query, (id_,)).fetchone()
            if row is None:
                return None, None
            record = read_record(id_, row[0])
            change = self._change(connection, record, row[1], event)
            # An ID that an engine brings may be that of an email which a newer version sends.
            if change is None and (is_readable(record) or is_found(event)):
                return None, self._place(connection, record)
            return change, None

        change, unread = await self._transact(apply)
        self.notice(*filter(None, (unread,)))
        return change

    async def claim_next(self, claim: Claim) -> Change | None:
        """Claim the queued record of the lowest priority, the oldest of them first."""
        ended: list[Change | None] = []

        def claim_next(connection: sqlite3.Connection) -> Change | None:
            for _one in range(_PASSED):
                row = connection.execute(_NEXT, (self._now(),)).fetchone()
                if row is None:
                    return None
                id_, text, body = row
                record = read_record(id_, text)
                change = self._change(connection, record, body, claim)
                if change is not None:
                    return change
                ended.append(self._place(connection, record))
            return None

        change = await self._transact(claim_next)
        self.notice(*filter(None, ended))
        return change

    async def due(self, limit: int) -> Sequence[Record]:
        """Return records past their deadline or lease; see `OutboxStore.due`."""

        def due(connection: sqlite3.Connection) -> list[Record]:
            now = self._now()
            overdue = _read(connection, _OVERDUE, now, limit)
            return overdue + _read(connection, _DEAD, now, limit - len(overdue))

        return await self._transact(due)

    async def stale(self, limit: int) -> Sequence[Record]:
        """Return queued records whose time to be published has come; see `OutboxStore.stale`."""
        return await self._transact(
            lambda connection: _read(connection, _STALE, self._now(), limit)
        )

    async def get(self, id_: str) -> Record | None:
        """Return a record, or None."""
        query = "SELECT ticket, record FROM outbox WHERE ticket = ?"
        found = await self._in_time(lambda connection: _read(connection, query, id_))
        return found[0] if found else None

    async def body(self, id_: str) -> bytes | None:
        """Return the encrypted body of a record, or None."""

        def body(connection: sqlite3.Connection) -> bytes | None:
            query = "SELECT body FROM outbox WHERE ticket = ?"
            (found,) = connection.execute(query, (id_,)).fetchone() or (None,)
            return bytes(found) if found is not None else None

        return await self._in_time(body)

    async def list(
        self,
        *,
        state: State | None = None,
        usage: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Record]:
        """Return records, the newest first; see `OutboxStore.list`."""
        filters = {"state": state, "usage": usage, "before": before}
        given = {name: value for name, value in filters.items() if value is not None}
        where = " AND ".join(["TRUE", *(_FILTERS[name] for name in given)])
        query = f"SELECT ticket, record FROM outbox WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - of the texts above
        return await self._in_time(
            lambda connection: _read(connection, query, *given.values(), limit)
        )

    async def counts(self) -> Mapping[State, int]:
        """Return how many records each state has."""
        query = "SELECT state, COUNT(*) FROM outbox GROUP BY state"
        return await self._in_time(lambda connection: dict(connection.execute(query).fetchall()))

    async def purge(self, *, age: int, limit: int = 1000, state: State | None = None) -> int:
        """Delete old records in a final state; see `OutboxStore.purge`."""

        def purge(connection: sqlite3.Connection) -> int:
            purge, chosen = (_PURGE, ()) if state is None else (_PURGE_STATE, (state,))
            return connection.execute(purge, (self._now() - age, *chosen, limit)).rowcount

        return await self._transact(purge)

    async def lead(self, owner: str, lease: int) -> bool:
        """Return whether a worker is the one that sweeps now; see `OutboxStore.lead`."""

        def lead(connection: sqlite3.Connection) -> bool:
            now = self._now()
            row = connection.execute("SELECT owner, until FROM outbox_leader").fetchone()
            if row is not None and row[0] != owner and now < row[1]:
                return False
            new = (owner, now + lease)
            connection.execute("INSERT OR REPLACE INTO outbox_leader VALUES (1, ?, ?)", new)
            return True

        return await self._transact(lead)

    async def check(self) -> Sequence[Finding]:
        """Return that the file can be written to.

        Raises:
            StoreError: It cannot.
        """
        # A transaction of its own: it takes the lock for writing.
        await self.get("none")
        what = _("{path} can be written to, and keeps what it was told", path=self._file.path)
        return [finding("store.reachable", "ok", what)]

    async def aclose(self) -> None:
        """Close the file; the next operation opens it again."""
        await self._file.aclose()

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _change(
        self, connection: sqlite3.Connection, record: Record, body: bytes | None, event: Event
    ) -> Change | None:
        now = self._now()
        after = decide(record, event, now)
        if after is None:
            return None
        kept = {"record": write_record(after), "body": body_after(after, event, body)}
        connection.execute(_UPDATE, {**indexed(after), **kept, "ticket": after.id})
        return Change(after, now, body)

    def _place(self, connection: sqlite3.Connection, record: Record) -> Change | None:
        """Put a row where its record belongs, if somebody edited it: it would be found for ever.

        Returns:
            The change, if its record cannot be read.
        """
        now = self._now()
        right = placed(record, now)
        known = {"ticket": right.id, "readable": is_readable(record)}
        done = connection.execute(_PLACE, {**indexed(right), **known})
        if is_readable(record) or not done.rowcount:
            return None
        say_set_aside(record.id)
        return Change(right, now)

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        done: T = await self._works(work)
        return done

    async def _in_time(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what some work of a request returns, unless it takes too long.

        What has not begun by then is not done.

        Raises:
            StoreError: It does, or the file cannot be read or written.
        """
        gone = False

        def unless_gone(connection: sqlite3.Connection) -> T | None:
            return None if gone else work(connection)

        try:
            async with asyncio.timeout(_PATIENCE):
                done: Any = await self._works(unless_gone)
                return cast("T", done)
        except TimeoutError:
            busy = _("the SQLite file {path} is busy", path=self._file.path)
        finally:
            gone = True
        raise StoreError(busy, hint=_BUSY)

    async def _transact_all(self, works: Sequence[_Work]) -> Sequence[Any]:
        # Not abandoned when a caller is cancelled: nobody would know of a claim.
        return await self._file.transact(lambda connection: [work(connection) for work in works])

    def _opening(self, connection: sqlite3.Connection) -> Iterator[str]:
        yield "PRAGMA secure_delete=ON"
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            newer = _("the SQLite file {path} is of a newer version", path=self._file.path)
            raise StoreError(newer, hint=UPDATE_FIRST)
        if version < VERSION:
            yield "BEGIN IMMEDIATE"
            yield from _SCHEMA
            yield f"PRAGMA user_version={VERSION}"
            yield "COMMIT"


def _read(connection: sqlite3.Connection, query: str, *values: Any) -> list[Record]:
    return [read_record(id_, text) for id_, text in connection.execute(query, values)]
