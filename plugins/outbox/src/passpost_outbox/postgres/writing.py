"""Adding a record, over the store's own connection or over one of the application."""

from __future__ import annotations

import json

from passpost_outbox.postgres.tables import Statements
from passpost_outbox.records import Event, Record, Supersede, body_after, decide
from passpost_outbox.store import Change
from passpost_outbox.transactions import Transaction


async def put(
    on: Transaction,
    sql: Statements,
    record: Record,
    body: bytes,
    supersedes: tuple[str, str] | None,
) -> Record:
    """Add a record within a transaction; see `OutboxStore.put`. To repeat it does no harm."""
    if supersedes is not None:
        # Of two newer emails at once, the second one has to see the first.
        await on.read(sql.serialize, {"text": json.dumps(supersedes)})
    names = ("state", "usage", "priority", "deadline", "publish_at", "recipient", "idem")
    values = {name: getattr(record, name) for name in names}
    named = {"ticket": record.id, "idem": record.idem}
    while not await on.read(
        sql.insert, {**values, **named, "record": as_text(record), "body": body}
    ):
        # It may be purged meanwhile.
        if known := await on.read(sql.known, named):
            return as_record(known[0][0])
    if supersedes is not None:
        recipient, usage = supersedes
        wanted = {"recipient": recipient, "usage": usage, "ticket": record.id}
        for text, older, now in await on.read(sql.older, wanted):
            await change(on, sql, as_record(text), older, now, Supersede())
    return record


async def change(  # noqa: PLR0913, PLR0917 - a row, and what becomes of it
    on: Transaction, sql: Statements, record: Record, body: bytes | None, now: int, event: Event
) -> Change | None:
    """Apply an event to a record that this transaction has locked."""
    after = decide(record, event, now)
    if after is None:
        return None
    names = ("state", "deadline", "publish_at", "lease_until", "finished_at")
    values = {name: getattr(after, name) for name in names}
    rest = {"ticket": after.id, "record": as_text(after), "body": body_after(after, event, body)}
    await on.write(sql.update, {**values, **rest})
    return Change(after, now, None if body is None else bytes(body))


def as_record(text: str) -> Record:
    """Return the record of its column."""
    return Record.from_json(json.loads(text))


def as_text(record: Record) -> str:
    """Return the column of a record."""
    return json.dumps(record.as_json())
