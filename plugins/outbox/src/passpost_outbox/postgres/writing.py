"""Adding a record, over the store's own connection or over one of the application."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from psycopg import DataError

from passpost_outbox.postgres.tables import Statements
from passpost_outbox.records import Event, Record, Supersede, body_after, decide, placed
from passpost_outbox.store import (
    Change,
    columns_of,
    indexed,
    is_readable,
    read_record,
    say_set_aside,
    write_record,
)
from passpost_outbox.transactions import Transaction

_LARGEST: Final = 65_536
"""Bytes of the largest body that is stored together with others."""


async def put(
    on: Transaction,
    sql: Statements,
    record: Record,
    body: bytes,
    supersedes: tuple[str, str] | None,
) -> tuple[Record, list[Change]]:
    """Add a record within a transaction; see `OutboxStore.put`. To repeat it does no harm.

    Returns:
        The record, and what became of older ones.
    """
    if supersedes is not None:
        # Of two newer emails at once, the second one has to see the first.
        await on.read(sql.serialize, {"text": json.dumps(supersedes)})
    values = columns_of(record, body)
    while not await on.read(sql.insert, values):
        # It may be purged meanwhile.
        if known := await on.read(sql.known, {"ticket": record.id, "idem": record.idem}):
            return read_record(*known[0]), []
    ended: list[Change] = []
    if supersedes is not None:
        recipient, usage = supersedes
        wanted = {"recipient": recipient, "usage": usage, "ticket": record.id}
        for columns in await on.read(sql.older, wanted):
            if (found := Row.of(columns).after(Supersede())) is not None:
                await write(on, sql, [found[0]])
                ended.append(found[1])
    return record, ended


def is_shared(record: Record, body: bytes, supersedes: tuple[str, str] | None) -> bool:
    """Return whether a record may be added together with others; see `put_all`.

    A key of the application can be held by a transaction of the application, for as long as that
    takes, and a large body takes its time: nobody else is to wait for them.
    """
    return supersedes is None and record.idem is None and len(body) <= _LARGEST


async def put_all(
    on: Transaction, sql: Statements, asked: Sequence[Mapping[str, Any]]
) -> Sequence[bool]:
    """Add records of which `columns_of` made columns. To repeat it does no harm.

    Returns:
        Which were added. The others are known, or are to be added by `put`, which tells what is
        wrong with them.
    """
    try:
        rows = await on.read(sql.insert_all, _by_column(asked))
    except (DataError, UnicodeError):
        # One of them cannot be stored, and which one it is, the server does not say.
        return [False] * len(asked)
    added = dict.fromkeys((id_ for (id_,) in rows), True)
    # Of several with one ID, the first one was added.
    return [added.pop(columns["ticket"], False) for columns in asked]


@attrs.frozen
class Row:
    """A record that this transaction has locked, and its body.

    Attributes:
        record: The record.
        body: The encrypted body, if there is one.
        now: The server's time.
        text: The record as the table has it.
    """

    record: Record
    body: bytes | None = attrs.field(repr=False)
    now: int
    text: str = attrs.field(repr=False)

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Row:
        """Return that of the columns of a statement."""
        id_, text, body, now = columns
        return cls(read_record(id_, text), None if body is None else bytes(body), now, text)

    def after(self, event: Event) -> tuple[Row, Change] | None:
        """Return what becomes of it, or None where the event is not allowed."""
        record = decide(self.record, event, self.now)
        if record is None:
            return None
        row = Row(record, body_after(record, event, self.body), self.now, write_record(record))
        return row, Change(record, self.now, self.body)

    def placed(self) -> Row:
        """Return it as its indexes are to have it, where somebody edited it: see `placed`."""
        if not is_readable(self.record):
            say_set_aside(self.record.id)
        return attrs.evolve(self, record=placed(self.record, self.now))

    def set_aside(self) -> list[Change]:
        """Return the change of a placed row whose record cannot be read; nothing for others."""
        return [] if is_readable(self.record) else [Change(self.record, self.now)]

    def columns(self) -> dict[str, Any]:
        """Return the columns that change."""
        rest = {"ticket": self.record.id, "record": self.text, "body": self.body}
        return {**indexed(self.record), **rest}


async def write(on: Transaction, sql: Statements, rows: Iterable[Row]) -> None:
    """Write rows that have changed."""
    changed = [row.columns() for row in rows]
    if len(changed) == 1:
        await on.write(sql.update, changed[0])
    elif changed:
        await on.write(sql.update_all, _by_column(changed))


def _by_column(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
