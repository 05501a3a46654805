"""All names of the package, which `passpost_outbox` imports when they are first used."""

from __future__ import annotations

from passpost_outbox.async_outbox import OTHERS, PRIORITIES, AsyncOutbox, AsyncTicket, Status
from passpost_outbox.blocking_worker import BlockingWorker
from passpost_outbox.engine import Engine
from passpost_outbox.keys import Keys
from passpost_outbox.listening import Listened
from passpost_outbox.outbox import Outbox, Ticket
from passpost_outbox.records import (
    FINAL,
    STATES,
    UNREADABLE,
    Abandon,
    Claim,
    Event,
    Expire,
    Finish,
    Publish,
    Record,
    Release,
    Renew,
    Result,
    Retry,
    State,
    Supersede,
    body_after,
    decide,
    placed,
)
from passpost_outbox.settings import OutboxSettings, StoreSettings
from passpost_outbox.shared_messages import SharedMessages
from passpost_outbox.sqlite import SqliteStore
from passpost_outbox.store import Change, OutboxStore, read_record, say_set_aside, write_record
from passpost_outbox.sweeper import Sweeper, Swept
from passpost_outbox.transactions import (
    Transaction,
    TransactionalEngine,
    TransactionalStore,
    Writer,
)
from passpost_outbox.worker import Worker

__all__ = [
    "FINAL",
    "OTHERS",
    "PRIORITIES",
    "STATES",
    "UNREADABLE",
    "Abandon",
    "AsyncOutbox",
    "AsyncTicket",
    "BlockingWorker",
    "Change",
    "Claim",
    "Engine",
    "Event",
    "Expire",
    "Finish",
    "Keys",
    "Listened",
    "Outbox",
    "OutboxSettings",
    "OutboxStore",
    "Publish",
    "Record",
    "Release",
    "Renew",
    "Result",
    "Retry",
    "SharedMessages",
    "SqliteStore",
    "State",
    "Status",
    "StoreSettings",
    "Supersede",
    "Sweeper",
    "Swept",
    "Ticket",
    "Transaction",
    "TransactionalEngine",
    "TransactionalStore",
    "Worker",
    "Writer",
    "body_after",
    "decide",
    "placed",
    "read_record",
    "say_set_aside",
    "write_record",
]
