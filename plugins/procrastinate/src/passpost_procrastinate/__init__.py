"""Procrastinate as the engine of an outbox: PostgreSQL, and nothing else.

::

    engine = ProcrastinateEngine("postgresql://outbox:…@db.example.com/app")
    outbox = Outbox(PostgresStore(url), keys, secret=secret, engine=engine)
    outbox.enqueue(message, within=connection)

    worker = Worker(PostgresStore(url), keys, mailer, engine=engine, poll=None)
    await engine.run(worker)
"""

from __future__ import annotations

from passpost_procrastinate.engine import ProcrastinateEngine

__version__ = "0.1.0"

__all__ = ["ProcrastinateEngine"]
