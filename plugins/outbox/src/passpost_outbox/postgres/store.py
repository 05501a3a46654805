"""The store: what `OutboxStore` asks, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from passpost import Finding, Secret
from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox.listening import Listened
from passpost_outbox.postgres.application import PostgresWriter, transaction_of
from passpost_outbox.postgres.checking import check
from passpost_outbox.postgres.server import (
    CONNECTIONS,
    TIMEOUT,
    OwnTransaction,
    PostgresServer,
)
from passpost_outbox.postgres.tables import LOCK, VERSION, listing, statements
from passpost_outbox.postgres.writing import Row, is_shared, put, put_all, write
from passpost_outbox.records import Claim, Event, Record, State
from passpost_outbox.store import UPDATE_FIRST, Change, columns_of, is_found, read_record
from passpost_outbox.together import Together
from passpost_outbox.transactions import Rows

_ = Phrases("passpost_outbox")


_BATCH: Final = 100
"""Edited rows that one claim passes at a time, after the first one."""

_PASSED: Final = 10
"""Batches of them that one claim passes at most, so that others may write in between."""

# Nothing else than the indexes is fast where many records wait, whatever the statistics say.
_SESSION: Final = """
SELECT set_config('statement_timeout', %(limit)s, false),
  set_config('idle_in_transaction_session_timeout', %(limit)s, false),
  set_config('enable_seqscan', 'off', false),
  set_config('enable_sort', 'off', false),
  set_config('default_transaction_isolation', 'read committed', false)
"""
_ASYNCHRONOUS: Final = "SELECT set_config('synchronous_commit', 'off', false)"
_SYNCHRONOUS: Final = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""


class PostgresStore(Listened):
    """Keeps records in tables of PostgreSQL, with the clock of its server.

    The tables are made when they are first used, if there are none.

    Args:
        url: A URL or a connection string of libpq: ``postgresql://user:…@db.example.com/app``.
        timeout: Seconds that an operation may take.
        schema: The schema of the tables; by default, the first of the search path.
        synchronous_commit: Whether an operation is on disk when it returns. With ``"off"``, a
            server that crashes forgets the last operations: emails are lost, or sent twice.

    Raises:
        ValueError: The URL or the name of the schema is not valid.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        timeout: float = TIMEOUT,
        schema: str | None = None,
        synchronous_commit: Literal["on", "off"] = "on",
    ) -> None:
        super().__init__()
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._schema = schema
        self._sql = statements(schema)
        self._timeout = timeout
        self._asynchronous = synchronous_commit == "off"
        self._server = PostgresServer(self._url, timeout=timeout, prepare=self._prepare)
        self._checked = False
        self._puts = Together(self._put_all)
        # Some connections are left for what others ask.
        self._applies = Together(self._apply_all, at_once=CONNECTIONS // 2)
        self._claims = Together(self._claim_all)
        self._times = Together(self._now_for_all)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._server}>"

    async def now(self) -> int:
        """Return the server's time in milliseconds."""
        return await self._server.in_time(self._times(None))

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record; see `OutboxStore.put`."""
        if is_shared(record, body, supersedes):
            return await self._server.in_time(self._put_with_others(record, body))
        return await self._put(record, body, supersedes)

    def within(self, connection: object) -> PostgresWriter:
        """Return what adds records in a transaction of the application.

        Args:
            connection: A connection of psycopg, a connection or session of SQLAlchemy, or Django's
                connection. They may be asynchronous.

        Raises:
            TypeError: The connection is of another kind.
            ValueError: The connection has no transaction.
        """
        return PostgresWriter(self._sql, transaction_of(connection), self.notice)

    async def apply(self, id_: str, event: Event) -> Change | None:
        """Apply an event to a record; see `OutboxStore.apply`."""
        return await self._applies((id_, event))

    async def claim_next(self, claim: Claim) -> Change | None:
        """Claim the queued record of the lowest priority, the oldest of them first.

        Records that another transaction has locked are passed.
        """
        return await self._claims(claim)

    async def due(self, limit: int) -> Sequence[Record]:
        """Return records past their deadline or lease; see `OutboxStore.due`."""
        overdue = await self._records(self._sql.overdue, {"limit": limit})
        left = {"limit": limit - len(overdue)}
        return [*overdue, *await self._records(self._sql.dead, left)]

    async def stale(self, limit: int) -> Sequence[Record]:
        """Return queued records whose time to be published has come; see `OutboxStore.stale`."""
        return await self._records(self._sql.stale, {"limit": limit})

    async def get(self, id_: str) -> Record | None:
        """Return a record, or None."""
        found = await self._records(self._sql.known, {"ticket": id_, "idem": None})
        return found[0] if found else None

    async def body(self, id_: str) -> bytes | None:
        """Return the encrypted body of a record, or None."""
        ((body,),) = await self._ask(self._sql.body, {"ticket": id_}) or [(None,)]
        return None if body is None else bytes(body)

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
        return await self._records(listing(self._sql, given), {**given, "limit": limit})

    async def counts(self) -> Mapping[State, int]:
        """Return how many records each state has."""
        return dict(await self._ask(self._sql.counts))

    async def purge(self, *, age: int, limit: int = 1000, state: State | None = None) -> int:
        """Delete old records in a final state; see `OutboxStore.purge`."""
        return len(await self._ask(self._sql.purge, {"age": age, "limit": limit, "state": state}))

    async def lead(self, owner: str, lease: int) -> bool:
        """Return whether a worker is the one that sweeps now; see `OutboxStore.lead`."""
        return bool(await self._ask(self._sql.lead, {"owner": owner, "lease": lease}))

    async def check(self) -> Sequence[Finding]:
        """Return whether the server and its tables can be used, and what it forgets.

        Raises:
            StoreError: The server cannot be asked.
        """
        # Its connections make no tables.
        server = PostgresServer(self._url, timeout=self._timeout)
        try:
            return await check(server, self._sql, self._schema, asynchronous=self._asynchronous)
        finally:
            await server.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next operation opens them again."""
        await self._server.aclose()

    async def _now_for_all(self, asked: Sequence[None]) -> Sequence[int]:
        ((now,),) = await self._ask(self._sql.now)
        return [int(now)] * len(asked)

    async def _put_with_others(self, record: Record, body: bytes) -> Record:
        added = await self._puts(columns_of(record, body))
        return record if added else await self._put(record, body)

    async def _put(
        self, record: Record, body: bytes, supersedes: tuple[str, str] | None = None
    ) -> Record:
        stored, ended = await self._server.run(
            lambda on: put(on, self._sql, record, body, supersedes), atomic=supersedes is not None
        )
        self.notice(*ended)
        return stored

    async def _put_all(self, asked: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        return await self._server.run(lambda on: put_all(on, self._sql, asked))

    async def _apply_all(self, asked: Sequence[tuple[str, Event]]) -> Sequence[Change | None]:
        async def apply_all(on: OwnTransaction) -> Sequence[Change | None]:
            tickets = [id_ for id_, _event in asked]
            rows = map(Row.of, await on.read(self._sql.some, {"tickets": tickets}))
            known = {row.record.id: row for row in rows}
            changed: dict[str, Row] = {}
            ended.clear()
            done: list[Change | None] = []
            for id_, event in asked:
                found = known[id_].after(event) if id_ in known else None
                done.append(found and found[1])
                if found is not None:
                    # Of several events of one record, each sees what the one before left.
                    known[id_] = changed[id_] = found[0]
                elif id_ in known and is_found(event):
                    # It is not where the sweeper found it. If somebody edited it, it is put back.
                    changed[id_] = known[id_].placed()
                    ended.extend(changed[id_].set_aside())
            await write(on, self._sql, changed.values())
            return done

        ended: list[Change] = []
        applied = await self._server.run(apply_all, atomic=True, repeatable=False)
        self.notice(*ended)
        return applied

    async def _claim_all(self, claims: Sequence[Claim]) -> Sequence[Change | None]:
        async def claim_all(on: OwnTransaction) -> Sequence[Change | None]:
            claimed: list[Change | None] = []
            ended.clear()
            limit = len(claims)
            for _batch in range(_PASSED):
                rows = [Row.of(each) for each in await on.read(self._sql.next, {"limit": limit})]
                changed: list[Row] = []
                for row in rows:
                    if len(claimed) == len(claims):
                        break
                    found = row.after(claims[len(claimed)])
                    if found is not None:
                        changed.append(found[0])
                        claimed.append(found[1])
                    else:
                        # Somebody edited the row, which would be found for ever: it is put back.
                        changed.append(row.placed())
                        ended.extend(changed[-1].set_aside())
                await write(on, self._sql, changed)
                if len(rows) < limit or len(claimed) == len(claims):
                    break
                limit = _BATCH
            return claimed + [None] * (len(claims) - len(claimed))

        ended: list[Change] = []
        done = await self._server.run(claim_all, atomic=True, repeatable=False)
        self.notice(*ended)
        return done

    async def _ask(self, sql: str, values: Mapping[str, Any] | None = None) -> Rows:
        return await self._server.run(lambda on: on.read(sql, values))

    async def _records(self, sql: str, values: Mapping[str, Any]) -> Sequence[Record]:
        return [read_record(*row) for row in await self._ask(sql, values)]

    async def _prepare(self, connection: AsyncConnection[TupleRow]) -> None:
        on = OwnTransaction(connection)
        await on.read(_SESSION, {"limit": str(int(self._timeout * 1000))})
        await on.read(_ASYNCHRONOUS if self._asynchronous else _SYNCHRONOUS)
        if not self._checked:
            await self._make_tables(on)
            self._checked = True

    async def _make_tables(self, on: OwnTransaction) -> None:
        await on.create_once(LOCK, self._sql.exists, self._sql.ddl)
        ((version,),) = await on.read(self._sql.version)
        if version > VERSION:
            newer = _("the tables of {server} are of a newer version", server=self._server)
            raise StoreError(newer, hint=UPDATE_FIRST)
