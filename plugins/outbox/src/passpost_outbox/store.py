"""The protocol of stores."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import attrs

from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox.records import (
    UNREADABLE,
    Abandon,
    Claim,
    Event,
    Expire,
    Publish,
    Record,
    State,
    is_id,
)

log: Final = logging.getLogger("passpost.outbox")
_ = Phrases("passpost_outbox")

UPDATE_FIRST: Final = _("Update passpost-outbox in this process first.")
"""What to do about a store of a newer version."""


@attrs.frozen
class Change:
    """What an event did.

    Attributes:
        record: The record after it.
        now: The store's time at which it happened, in milliseconds.
        body: The encrypted body that the record had before.
    """

    record: Record
    now: int
    body: bytes | None = attrs.field(default=None, repr=False)


def read_record(id_: str, text: str) -> Record:
    """Return the record that a store has as JSON.

    One that is damaged, or that only a newer version reads, is of the state ``unreadable``, and
    nothing but its ID is known.
    """
    try:
        record = Record.from_json(json.loads(text))
    except (ValueError, RecursionError):
        record = None
    if record is not None and record.id == id_:
        return record
    texts: dict[str, Any] = dict.fromkeys(("usage", "recipient", "shown", "fingerprint"), "")
    numbers: dict[str, Any] = dict.fromkeys(("priority", "queued_at", "deadline"), 0)
    return Record(id=id_, state=UNREADABLE, **texts, **numbers)


def write_record(record: Record) -> str:
    """Return a record as a store has it: JSON."""
    return json.dumps(record.as_json(), separators=(",", ":"))


def columns_of(record: Record, body: bytes) -> dict[str, Any]:
    """Return the columns of a new record, for a table that is asked in SQL."""
    names = ("state", "usage", "priority", "deadline", "publish_at", "recipient", "idem")
    values = {name: getattr(record, name) for name in names}
    return {**values, "ticket": record.id, "record": write_record(record), "body": body}


def indexed(record: Record) -> dict[str, Any]:
    """Return the columns by which tables find a record; they change with it."""
    names = ("state", "deadline", "publish_at", "lease_until", "finished_at")
    return {name: getattr(record, name) for name in names}


def is_readable(record: Record) -> bool:
    """Return whether anything is known of a record."""
    return record.state != UNREADABLE


def require_readable(record: Record) -> Record:
    """Return a record of which something is known.

    Raises:
        StoreError: It is damaged, or of a newer version; the text does not repeat it.
    """
    if is_readable(record):
        return record
    raise StoreError(
        _("a record of the outbox is damaged, or of a newer version"),
        hint=_("Update passpost-outbox in this process, or restore the record."),
    )


def is_found(event: Event) -> bool:
    """Return whether an event is for a record that a sweeper found in an index.

    If the event is not allowed, the index is wrong, and the sweeper would find it for ever.
    """
    return isinstance(event, Expire | Abandon | Publish)


def say_set_aside(id_: str) -> None:
    """Log that a record cannot be read. Its text may contain anything, and is not repeated."""
    name = id_ if is_id(id_) else "a record"
    log.error("%s is damaged or of a newer version: it is set aside, and not sent", name)


class OutboxStore(Protocol):
    """Keeps records. It decides nothing: `passpost_outbox.decide` does, and the store applies it.

    An operation that fails raises `passpost.stores.StoreError`. Each happens as a whole or not at
    all, and is on disk when it returns. None takes longer than some seconds. Those that are asked
    for at once may share a transaction. Of several callers that apply events to one record at a
    time, each sees what the one before left.
    A record that cannot be read, see `read_record`, holds nobody up: a claim passes it, and takes
    it out of the queue. So do the events of a sweeper, which are not allowed for it. Its text and
    body stay, and it is deleted like those that have ended.
    `passpost_outbox.testing.OutboxStoreSuite` is this contract, as tests.
    """

    async def now(self) -> int:
        """Return the store's time in milliseconds, which all its processes share."""
        ...

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record, and return it.

        A record with the same `idem` stays as it is and is returned in place of the new one.

        Args:
            record: The record.
            body: The encrypted body.
            supersedes: A hash of a recipient and a usage. `Supersede` is applied to all their other
                records, in the same transaction.
        """
        ...

    async def apply(self, id_: str, event: Event) -> Change | None:
        """Apply an event to a record; return None where there is none, or it is not allowed."""
        ...

    async def claim_next(self, claim: Claim) -> Change | None:
        """Claim the queued record of the lowest priority, the oldest of them first.

        Those that are overdue are passed, however many there are: a sweeper ends them.
        """
        ...

    async def due(self, limit: int) -> Sequence[Record]:
        """Return records that are ``queued`` past their deadline, or ``sending`` past their lease.

        Args:
            limit: How many at most.
        """
        ...

    async def stale(self, limit: int) -> Sequence[Record]:
        """Return records that are ``queued`` and whose `publish_at` has come, in its order.

        A sweeper with an engine asks for them.

        Args:
            limit: How many at most.
        """
        ...

    async def get(self, id_: str) -> Record | None:
        """Return a record, or None."""
        ...

    async def body(self, id_: str) -> bytes | None:
        """Return the encrypted body of a record, or None where there is none."""
        ...

    async def list(
        self,
        *,
        state: State | None = None,
        usage: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> Sequence[Record]:
        """Return records, the newest first, without their bodies.

        Args:
            state: Those in a state alone.
            usage: Those of a usage alone.
            before: The ID of the last record of the page before.
            limit: How many at most.
        """
        ...

    async def counts(self) -> Mapping[State, int]:
        """Return how many records each state has; a state without any may be missing."""
        ...

    async def purge(self, *, age: int, limit: int = 1000, state: State | None = None) -> int:
        """Delete records that have been in a final state for some time.

        Args:
            age: Milliseconds since they reached it.
            state: Those in a state alone.
            limit: How many at most, the oldest first.

        Returns:
            How many were deleted.
        """
        ...

    async def lead(self, owner: str, lease: int) -> bool:
        """Return whether a worker is the one that sweeps now.

        Args:
            owner: The worker.
            lease: Milliseconds after which another one may be, unless it asks again.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; the next operation opens them again."""
        ...
