"""Sends an email after all that expired."""

from __future__ import annotations

import datetime as dt

from passpost import Message, MessageError
from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_outbox.envelope import UnreadableError, opened, sealed
from passpost_outbox.keys import Keys
from passpost_outbox.records import Record, Retry
from passpost_outbox.store import Change, OutboxStore

_ = Phrases("passpost_outbox")


async def retry(store: OutboxStore, keys: Keys, id_: str, left: int) -> Change | None:
    """Queue an email again, and return what changed; None where it cannot be sent any more.

    Args:
        store: The store.
        keys: The keys: a body is bound to its deadline, and is encrypted again for the new one.
        id_: The ticket's ID.
        left: Milliseconds until the new deadline.

    Raises:
        StoreError: The store or the keys cannot be read, or the body cannot be decrypted.
    """
    record = await store.get(id_)
    if record is None or not record.may_be_retried:
        return None
    body = await store.body(id_)
    if body is None:
        return None
    deadline = await store.now() + left
    new = sealed(_message(record, body, keys), keys, id_=id_, usage=record.usage, deadline=deadline)
    return await store.apply(id_, Retry(deadline, new))


def _message(record: Record, body: bytes, keys: Keys) -> Message:
    # Its deadline has passed, which a message that is encrypted does not contain.
    expires = dt.datetime.now(dt.UTC)
    usage, deadline = record.usage, record.deadline
    reason: str
    try:
        return opened(body, keys, id_=record.id, usage=usage, deadline=deadline, expires=expires)
    except UnreadableError as error:
        reason = error.reason
    except (MessageError, TypeError):
        # A newer version of passpost made it.
        reason = "message"
    raise StoreError(_("the email cannot be decrypted: {reason}", reason=reason))
