"""Connections of the application: of psycopg, SQLAlchemy and Django."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from psycopg import AsyncConnection, Connection, Error, pq
from psycopg.rows import tuple_row

from passpost_outbox.postgres.server import failed
from passpost_outbox.postgres.tables import Statements
from passpost_outbox.postgres.writing import put
from passpost_outbox.records import Record
from passpost_outbox.transactions import Rows

_NAMED: Final = re.compile(r"%\((\w+)\)s")
_OTHER: Final = "within requires a connection of psycopg, SQLAlchemy or Django to PostgreSQL"


class ApplicationTransaction:
    """A transaction of the application; see `Transaction`.

    Attributes:
        blocks: Whether its connection blocks.

    Args:
        run: Runs a statement, and returns its rows, or an awaitable of them.
        error: The exceptions of the connection's library.
        blocks: Whether it returns the rows themselves.
    """

    def __init__(
        self,
        run: Callable[[str, Mapping[str, Any]], Any],
        error: type[Exception],
        *,
        blocks: bool,
    ) -> None:
        self.blocks = blocks
        self._run = run
        self._error = error

    async def read(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run a statement, and return its rows."""
        try:
            rows = self._run(sql, values)
            return list(rows if self.blocks else await rows)
        except self._error as error:
            failure = failed(_reason(error), "the application's connection")
        # Outside of the except block: the exception of the library may repeat a value.
        raise failure

    async def write(self, sql: str, values: Mapping[str, Any]) -> None:
        """Run a statement that returns no rows."""
        await self.read(sql, values)


class PostgresWriter:
    """Adds records in a transaction of the application; see `Writer`.

    Attributes:
        transaction: The transaction.
    """

    def __init__(
        self,
        sql: Statements,
        transaction: ApplicationTransaction,
        notice: Callable[..., None],
    ) -> None:
        self._sql = sql
        self._notice = notice
        self.transaction: Final = transaction

    @property
    def blocks(self) -> bool:
        """Whether the connection blocks."""
        return self.transaction.blocks

    async def now(self) -> int:
        """Return the server's time in milliseconds."""
        return int((await self.transaction.read(self._sql.now, {}))[0][0])

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record; see `OutboxStore.put`."""
        stored, ended = await put(self.transaction, self._sql, record, body, supersedes)
        # Whether the application commits, nobody here learns.
        self._notice(*ended)
        return stored


def transaction_of(connection: object) -> ApplicationTransaction:
    """Return the transaction of a connection.

    Raises:
        TypeError: The connection is of an unknown kind.
        ValueError: It has no transaction.
    """
    if isinstance(connection, (Connection, AsyncConnection)):
        return _of_psycopg(connection)
    modules = {base.__module__ for base in type(connection).__mro__}
    if any(module.startswith("sqlalchemy.") for module in modules):
        blocks = not any(module.startswith("sqlalchemy.ext.asyncio") for module in modules)
        return _of_sqlalchemy(connection, blocks=blocks)
    if getattr(connection, "vendor", None) == "postgresql":
        return _of_django(connection)
    raise TypeError(f"{_OTHER}, not a {type(connection).__name__}")


def _of_psycopg(connection: Connection[Any] | AsyncConnection[Any]) -> ApplicationTransaction:
    idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
    _check(begun=not (connection.autocommit and idle))
    if isinstance(connection, Connection):

        def run(sql: str, values: Mapping[str, Any]) -> Rows:
            # Rows of the application may be dictionaries.
            with connection.cursor(row_factory=tuple_row) as cursor:
                cursor.execute(sql.encode(), values)
                return cursor.fetchall() if cursor.description else []

        return ApplicationTransaction(run, Error, blocks=True)

    async def run_async(sql: str, values: Mapping[str, Any]) -> Rows:
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(sql.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    return ApplicationTransaction(run_async, Error, blocks=False)


def _of_sqlalchemy(connection: Any, *, blocks: bool) -> ApplicationTransaction:
    """Return that of a connection or a session, with any driver."""
    # The application has imported it.
    from sqlalchemy import exc, text  # noqa: PLC0415

    def rows(result: Any) -> Rows:
        return list(result.fetchall()) if result.returns_rows else []

    def run(sql: str, values: Mapping[str, Any]) -> Rows:
        return rows(connection.execute(text(_NAMED.sub(r":\1", sql)), dict(values)))

    async def run_async(sql: str, values: Mapping[str, Any]) -> Rows:
        return rows(await connection.execute(text(_NAMED.sub(r":\1", sql)), dict(values)))

    return ApplicationTransaction(run if blocks else run_async, exc.SQLAlchemyError, blocks=blocks)


def _of_django(connection: Any) -> ApplicationTransaction:
    from django.db import Error as DjangoError  # noqa: PLC0415 - likewise

    _check(begun=connection.in_atomic_block or not connection.get_autocommit())

    def run(sql: str, values: Mapping[str, Any]) -> Rows:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall()) if cursor.description else []

    return ApplicationTransaction(run, DjangoError, blocks=True)


def _check(*, begun: bool) -> None:
    if not begun:
        raise ValueError("the connection of within has no transaction: begin one before")


def _reason(error: Exception) -> Exception:
    """Return the exception of the driver, which has the SQLSTATE."""
    known = (error, getattr(error, "orig", None), error.__cause__)
    return next((one for one in known if isinstance(one, Exception) and _state(one)), error)


def _state(error: Exception) -> object:
    return getattr(error, "sqlstate", None)
