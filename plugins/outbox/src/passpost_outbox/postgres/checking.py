"""What `passpost check --connect` says of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from passpost import Finding
from passpost.phrases import Phrases
from passpost_outbox.checking import finding
from passpost_outbox.postgres.server import MAKE_TABLES, PRIMARY, OwnTransaction, PostgresServer
from passpost_outbox.postgres.tables import VERSION, Statements
from passpost_outbox.store import UPDATE_FIRST

_ = Phrases("passpost_outbox")

_SYNC: Final = _('Set `"synchronousCommit": "on"`, and `fsync = on` on the server.')
_GRANT: Final = _("Grant SELECT, INSERT, UPDATE and DELETE on the table.")

_FACTS: Final = """
SELECT pg_is_in_recovery(), current_setting('fsync'),
  coalesce(has_schema_privilege(coalesce(%(schema)s, current_schema()), 'CREATE'), false)
"""
_RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


async def check(
    server: PostgresServer, sql: Statements, schema: str | None, *, asynchronous: bool
) -> list[Finding]:
    """Return what is found; no table is made.

    Args:
        server: The server, which prepares no connection.
        sql: The statements of the store.
        schema: The schema of the tables.
        asynchronous: Whether the store does not wait for the disk.

    Raises:
        StoreError: The server cannot be asked.
    """

    async def ask(on: OwnTransaction) -> list[Finding]:
        ((replica, fsync, may_create),) = await on.read(_FACTS, {"schema": schema})
        found = [finding("store.reachable", "ok", _("{server} replies", server=str(server)))]
        if replica:
            found.append(finding("store.replica", "error", _("it is read-only"), PRIMARY))
        found.append(await _tables(on, sql, may_create=may_create and not replica))
        return [*found, *_durability(fsync, asynchronous=asynchronous)]

    return await server.run(ask)


async def _tables(on: OwnTransaction, sql: Statements, *, may_create: bool) -> Finding:
    id_ = "store.tables"
    if not (await on.read(sql.exists))[0][0]:
        if may_create:
            return finding(id_, "ok", _("there are no tables yet; the first use makes them"))
        return finding(
            id_, "error", _("there are no tables, and the user cannot make any"), MAKE_TABLES
        )
    rights: Mapping[str, Any] = {"rights": list(_RIGHTS)}
    missing = [right for (right,) in await on.read(sql.missing, rights)]
    if missing:
        what = _("the user lacks {rights} on the table", rights=missing)
        return finding(id_, "error", what, _GRANT)
    ((version,),) = await on.read(sql.version)
    if version > VERSION:
        return finding(id_, "error", _("the tables are of a newer version"), UPDATE_FIRST)
    return finding(id_, "ok", _("the tables are there"))


def _durability(fsync: str, *, asynchronous: bool) -> Iterator[Finding]:
    id_ = "store.durability"
    if asynchronous:
        what = _("synchronousCommit is off: a crash forgets the last operations")
        yield finding(id_, "warning", what, _SYNC)
    elif fsync == "off":
        yield finding(id_, "warning", _("fsync is off: a crash may lose emails"), _SYNC)
    else:
        yield finding(id_, "ok", _("an operation is on disk when it returns"))
