"""The tables, and what the store asks of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

VERSION: Final = 1
"""The form of the tables."""

LOCK: Final = 7_377_020_711
"""The advisory lock of the one process that makes the tables."""

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)

# An index for each question that workers ask, of the records alone that can be an answer. Each
# email leaves several dead rows, so vacuum runs long before a fifth of the table is dead.
_DDL: Final = """
CREATE TABLE {table} (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ticket text NOT NULL UNIQUE,
  state text NOT NULL,
  usage text NOT NULL,
  priority integer NOT NULL,
  deadline bigint NOT NULL,
  publish_at bigint NOT NULL,
  lease_until bigint,
  finished_at bigint,
  recipient text NOT NULL,
  idem text UNIQUE,
  record text NOT NULL,
  body bytea
) WITH (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.05
);
CREATE INDEX passpost_outbox_next ON {table} (priority, seq, deadline) WHERE state = 'queued';
CREATE INDEX passpost_outbox_overdue ON {table} (deadline) WHERE state = 'queued';
CREATE INDEX passpost_outbox_stale ON {table} (publish_at) WHERE state = 'queued';
CREATE INDEX passpost_outbox_to ON {table} (recipient, usage, seq) WHERE state = 'queued';
CREATE INDEX passpost_outbox_dead ON {table} (lease_until) WHERE state = 'sending';
CREATE INDEX passpost_outbox_ended ON {table} (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX passpost_outbox_state ON {table} (state, seq);
CREATE TABLE {table}_meta (
  one integer PRIMARY KEY CHECK (one = 1),
  version integer NOT NULL,
  leader text NOT NULL DEFAULT '',
  until bigint NOT NULL DEFAULT 0
);
INSERT INTO {table}_meta (one, version) VALUES (1, {version});
"""

# A volatile function in a condition is asked for each row, and finds no index; in a query of its
# own, once.
_CLOCK: Final = "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))"


@attrs.frozen
class Statements:
    """The SQL of a store; its parameters are those of psycopg."""

    ddl: str = _DDL
    exists: str = "SELECT to_regclass('{table}_meta') IS NOT NULL"
    version: str = "SELECT version FROM {table}_meta"
    missing: str = """
        SELECT name FROM unnest(CAST(%(rights)s AS text[])) AS name
        WHERE NOT has_table_privilege(CAST(to_regclass('{table}') AS oid), name)
        """
    now: str = "SELECT {clock}"
    insert: str = """
        INSERT INTO {table}
        (ticket, state, usage, priority, deadline, publish_at, recipient, idem, record, body)
        VALUES (%(ticket)s, %(state)s, %(usage)s, %(priority)s, %(deadline)s, %(publish_at)s,
          %(recipient)s, %(idem)s, %(record)s, %(body)s)
        ON CONFLICT DO NOTHING RETURNING seq
        """
    # Bodies travel as they are: as text, they take eight times as long.
    insert_all: str = """
        INSERT INTO {table}
        (ticket, state, usage, priority, deadline, publish_at, recipient, record, body)
        SELECT * FROM unnest(CAST(%(ticket)s AS text[]), CAST(%(state)s AS text[]),
          CAST(%(usage)s AS text[]), CAST(%(priority)s AS integer[]),
          CAST(%(deadline)s AS bigint[]), CAST(%(publish_at)s AS bigint[]),
          CAST(%(recipient)s AS text[]), CAST(%(record)s AS text[]), CAST(%(body)b AS bytea[]))
        ON CONFLICT DO NOTHING RETURNING ticket
        """
    body: str = "SELECT body FROM {table} WHERE ticket = %(ticket)s"
    known: str = "SELECT ticket, record FROM {table} WHERE ticket = %(ticket)s OR idem = %(idem)s"
    serialize: str = "SELECT pg_advisory_xact_lock(hashtextextended(%(text)s, 0))"
    # In these, the clock is read when the row is locked, not when the wait for it began.
    older: str = """
        SELECT ticket, record, body, {clock} FROM (
          SELECT ticket, record, body FROM {table}
          WHERE state = 'queued' AND recipient = %(recipient)s AND usage = %(usage)s
          AND ticket <> %(ticket)s ORDER BY seq FOR UPDATE
        ) AS locked
        """
    some: str = """
        SELECT ticket, record, body, {clock} FROM (
          SELECT ticket, record, body FROM {table}
          WHERE seq = ANY(ARRAY(SELECT seq FROM {table} WHERE ticket = ANY(%(tickets)s)))
          ORDER BY seq FOR UPDATE
        ) AS locked
        """
    next: str = """
        SELECT ticket, record, body, {clock} FROM (
          SELECT ticket, record, body FROM {table}
          WHERE state = 'queued' AND deadline > {clock}
          ORDER BY priority, seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ) AS locked
        """
    update: str = """
        UPDATE {table} SET state = %(state)s, deadline = %(deadline)s,
        publish_at = %(publish_at)s,
        lease_until = %(lease_until)s, finished_at = %(finished_at)s,
        record = %(record)s, body = %(body)s
        WHERE ticket = %(ticket)s
        """
    update_all: str = """
        UPDATE {table} AS old SET state = new.state, deadline = new.deadline,
        publish_at = new.publish_at,
        lease_until = new.lease_until, finished_at = new.finished_at,
        record = new.record, body = new.body
        FROM unnest(CAST(%(ticket)s AS text[]), CAST(%(state)s AS text[]),
          CAST(%(deadline)s AS bigint[]), CAST(%(publish_at)s AS bigint[]),
          CAST(%(lease_until)s AS bigint[]), CAST(%(finished_at)s AS bigint[]),
          CAST(%(record)s AS text[]), CAST(%(body)b AS bytea[]))
          AS new(ticket, state, deadline, publish_at, lease_until, finished_at, record, body)
        WHERE old.ticket = new.ticket
        """
    overdue: str = """
        SELECT ticket, record FROM {table} WHERE state = 'queued' AND deadline <= {clock}
        ORDER BY deadline LIMIT %(limit)s
        """
    stale: str = """
        SELECT ticket, record FROM {table} WHERE state = 'queued' AND publish_at <= {clock}
        ORDER BY publish_at LIMIT %(limit)s
        """
    dead: str = """
        SELECT ticket, record FROM {table} WHERE state = 'sending' AND lease_until <= {clock}
        ORDER BY lease_until LIMIT %(limit)s
        """
    counts: str = "SELECT state, count(*) FROM {table} GROUP BY state"
    purge: str = """
        DELETE FROM {table} WHERE seq IN (
          SELECT seq FROM {table}
          WHERE finished_at IS NOT NULL AND finished_at <= {clock} - %(age)s
          AND (CAST(%(state)s AS text) IS NULL OR state = %(state)s)
          ORDER BY finished_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ) RETURNING 1
        """
    lead: str = """
        UPDATE {table}_meta SET leader = %(owner)s, until = {clock} + %(lease)s
        WHERE leader = %(owner)s OR until <= {clock} RETURNING 1
        """
    list: str = """
        SELECT ticket, record FROM {table} WHERE {where} ORDER BY seq DESC LIMIT %(limit)s
        """
    # The planner finds an index for what is asked for alone, and none for "everything or this".
    by_state: str = "state = %(state)s"
    by_usage: str = "usage = %(usage)s"
    by_before: str = "seq < (SELECT seq FROM {table} WHERE ticket = %(before)s)"


def ddl(schema: str | None = None) -> str:
    """Return the SQL that makes the tables, for migrations.

    Args:
        schema: The schema of the tables; by default, the first of the connection's search path.

    Raises:
        ValueError: The name of the schema is not a plain one.
    """
    return statements(schema).ddl.lstrip()


def statements(schema: str | None) -> Statements:
    """Return the SQL for the tables in a schema.

    Raises:
        ValueError: The name of the schema is not a plain one.
    """
    if schema is not None and not _NAME.fullmatch(schema):
        raise ValueError("a schema's name has lowercase letters, digits and underscores")
    table = "passpost_outbox" if schema is None else f"{schema}.passpost_outbox"
    names = {"table": table, "clock": _CLOCK, "version": str(VERSION), "where": "{where}"}
    plain = attrs.asdict(Statements())
    return Statements(**{name: text.format_map(names) for name, text in plain.items()})


def listing(sql: Statements, filters: Iterable[str]) -> str:
    """Return the statement that lists the records that some filters let pass."""
    where = " AND ".join(["TRUE", *(getattr(sql, f"by_{name}") for name in filters)])
    return sql.list.format(where=where)
