"""The outbox of a fleet: tables in PostgreSQL, which requests may write in their own transaction.

::

    store = PostgresStore("postgresql://outbox:…@db.example.com/app")
    outbox = Outbox(store, Keys.from_folder("keys"), secret=secret)
    with connection.transaction():
        …
        outbox.enqueue(message, within=connection)

It requires psycopg: ``passpost-outbox[postgres]``.
"""

from __future__ import annotations

from passpost_outbox.postgres.server import OwnTransaction, PostgresServer
from passpost_outbox.postgres.store import PostgresStore
from passpost_outbox.postgres.tables import VERSION, ddl

__all__ = ["VERSION", "OwnTransaction", "PostgresServer", "PostgresStore", "ddl"]
