"""The connections to one PostgreSQL server, and what its failures are called."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

from psycopg import AsyncConnection, Error, conninfo
from psycopg.rows import TupleRow, tuple_row

from passpost import Secret
from passpost.phrases import Phrases
from passpost.stores import StoreError

T = TypeVar("T")
_ = Phrases("passpost_outbox")

TIMEOUT: Final = 3.0
"""Seconds that an operation may take, from waiting for a connection to the reply."""

CONNECTIONS: Final = 4
"""Connections of one event loop; each is busy for some milliseconds at a time."""

_GRACE: Final = 0.5
"""Seconds in which an operation that took too long has to be canceled."""

_REACH: Final = _("Check that PostgreSQL runs, and that this process can reach it.")
_LOGIN: Final = _("Check user, password and database in the URL.")
_WORDS: Final = (
    ("password", _("rejected the password"), _LOGIN),
    ("does not exist", _("has no such user or database"), _LOGIN),
    ("pg_hba", _("does not permit the connection"), _("Check `pg_hba.conf` on the server.")),
    (
        "too many",
        _("has too many connections"),
        _("Raise `max_connections`, or run fewer workers."),
    ),
    ("slots", _("has too many connections"), _("Raise `max_connections`, or run fewer workers.")),
    ("starting up", _("is still starting"), _("It answers once it has recovered.")),
)
"""What the reasons of a failed connection contain; libpq has no codes for them."""

PRIMARY: Final = _("Use the address of the primary.")
MAKE_TABLES: Final = _(
    "Run the SQL of `passpost_outbox.postgres.ddl()` as the owner of the schema."
)
_STATES: Final = {
    "3F": (_("has no such schema"), MAKE_TABLES),
    "42": (_("rejected a statement"), MAKE_TABLES),
    "42501": (_("does not permit a statement"), MAKE_TABLES),
    "42P01": (_("has no tables of the outbox"), MAKE_TABLES),
    "25006": (_("is read-only"), PRIMARY),
    "53": (_("has run out of a resource"), _("Check its disk, memory and connections.")),
    "55P03": (_("did not get a lock in time"), _("Look for long transactions.")),
    "57014": (_("did not reply in time"), _("Look for long transactions, and at its disk.")),
    "57P01": (_("was shut down"), _REACH),
    "40": (_("undid the transaction"), _("Run the transaction again.")),
}
"""What is wrong, and what to do, by SQLSTATE or its class."""

_Connection: TypeAlias = AsyncConnection[TupleRow]
_Work: TypeAlias = "Callable[[OwnTransaction], Awaitable[T]]"


class PostgresServer:
    """One PostgreSQL server, for all event loops and threads of a process.

    Each event loop has its own connections, and so has each process after a fork. Connections are
    made when they are needed, and kept. An operation whose connection breaks before it can have
    changed anything is repeated once.

    Args:
        url: A URL or a connection string of libpq.
        timeout: Seconds that an operation may take in all.
        prepare: Does what a new connection requires, before its first use.

    Raises:
        ValueError: The URL is not valid.
    """

    def __init__(
        self,
        url: str | Secret,
        *,
        timeout: float = TIMEOUT,
        prepare: Callable[[_Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._place = place_of(self._url)
        self._timeout = timeout
        self._prepare = prepare
        # Those of a parent process stay: to close one here would end the parent's as well.
        self._pools: dict[tuple[int, asyncio.AbstractEventLoop], _Pool] = {}

    def __str__(self) -> str:
        return f"PostgreSQL at {self._place}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._place}>"

    async def run(
        self,
        work: _Work[T],
        *,
        atomic: bool = False,
        repeatable: bool = True,
    ) -> T:
        """Do some work over a connection, and return its result.

        Args:
            work: Runs the statements.
            atomic: Whether they are one transaction; otherwise each is its own.
            repeatable: Whether they can run twice without harm.

        Raises:
            StoreError: The server cannot be asked.
        """
        try:
            # The second limit ends what does not end when it is canceled, as with a server that
            # hangs.
            async with asyncio.timeout(self._timeout + _GRACE), asyncio.timeout(self._timeout):
                return await self._pool().run(work, atomic=atomic, repeatable=repeatable)
        except TimeoutError:
            # The other connections may be as dead, and would hold the next callers up.
            await self._pool().drop()
            failure = self._no_reply()
        except (Error, OSError) as error:
            failure = failed(error, self._place)
        # Outside of the except block: the exception of the library may repeat a value.
        raise failure

    async def in_time(self, reply: Awaitable[T]) -> T:
        """Return a reply, unless it takes longer than an operation may.

        Raises:
            StoreError: It does.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                return await reply
        raise self._no_reply()

    async def aclose(self) -> None:
        """Close the connections of the running event loop; it may connect again."""
        pool = self._pools.pop((os.getpid(), asyncio.get_running_loop()), None)
        if pool is not None:
            await pool.aclose()

    def _no_reply(self) -> StoreError:
        problem = _(
            "PostgreSQL at {place} did not reply within {seconds:g} s",
            place=self._place,
            seconds=self._timeout,
        )
        return StoreError(problem, hint=_REACH)

    def _pool(self) -> _Pool:
        place = os.getpid(), asyncio.get_running_loop()
        if place not in self._pools:
            for old in [each for each in self._pools if each[0] == os.getpid()]:
                if old[1].is_closed():
                    del self._pools[old]
            self._pools[place] = _Pool(self._connect)
        return self._pools[place]

    async def _connect(self) -> _Connection:
        limits = {"tcp_user_timeout": int(self._timeout * 1000), "connect_timeout": 10}
        known = conninfo.conninfo_to_dict(self._url.reveal())
        options = {"application_name": "passpost-outbox", **limits, **known}
        # A usage is in any language, whatever the environment of the process says.
        options["client_encoding"] = "UTF8"
        connection = await AsyncConnection.connect(
            conninfo.make_conninfo("", **options), autocommit=True, row_factory=tuple_row
        )
        try:
            if self._prepare is not None:
                await self._prepare(connection)
        except BaseException:
            await connection.close()
            raise
        return connection


class OwnTransaction:
    """Runs statements over a connection of the store."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def read(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Any]:
        """Run a statement, and return its rows."""
        cursor = await self._connection.execute(sql.encode(), values)
        return await cursor.fetchall()

    async def write(self, sql: str, values: Mapping[str, Any] | None = None) -> None:
        """Send a statement, which returns no rows."""
        await self._connection.execute(sql.encode(), values)

    async def create_once(self, lock: int, exists: str, ddl: str) -> None:
        """Make tables if there are none; many processes may do so at once.

        Args:
            lock: The advisory lock of the one process that makes them.
            exists: A statement that returns whether they are there.
            ddl: What makes them.
        """
        if (await self.read(exists))[0][0]:
            return
        # One process makes them. The others see it in a transaction that begins after that: an
        # older one remembers that there were none.
        await self.read("SELECT pg_advisory_lock(%(lock)s)", {"lock": lock})
        await self.write("BEGIN")
        if not (await self.read(exists))[0][0]:
            await self.write(ddl)
        await self.write("COMMIT")
        await self.read("SELECT pg_advisory_unlock(%(lock)s)", {"lock": lock})


class _Pool:
    """The connections of one event loop.

    psycopg's own pool connects in the background: a caller would never learn that the password is
    wrong, and wait for the next of its attempts when the server is back.
    """

    def __init__(self, connect: Callable[[], Awaitable[_Connection]]) -> None:
        self._connect = connect
        self._idle: list[_Connection] = []
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._closed = False

    async def run(self, work: _Work[T], *, atomic: bool, repeatable: bool) -> T:
        async with self._places:
            if self._idle:
                attempt = _Attempt(self._idle.pop(), atomic=atomic)
                try:
                    return await self._run(attempt, work)
                except Error:
                    if not attempt.broken or (attempt.committing and not repeatable):
                        raise
                # The server was restarted: the others are broken as well.
                await self.drop()
            return await self._run(_Attempt(await self._connect(), atomic=atomic), work)

    async def aclose(self) -> None:
        self._closed = True
        await self.drop()

    async def _run(self, attempt: _Attempt, work: _Work[T]) -> T:
        result = await attempt.run(work)
        if self._closed:
            await attempt.connection.close()
        else:
            self._idle.append(attempt.connection)
        return result

    async def drop(self) -> None:
        """Close the connections that nobody uses."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()


class _Attempt:
    """Some work over a connection, which is closed if it fails.

    Attributes:
        connection: The connection.
        broken: Whether the connection broke.
        committing: Whether the end of the transaction may have been reached.
    """

    def __init__(self, connection: _Connection, *, atomic: bool) -> None:
        self.connection = connection
        self.broken = False
        self.committing = not atomic
        self._atomic = atomic

    async def run(self, work: _Work[T]) -> T:
        try:
            if not self._atomic:
                return await work(OwnTransaction(self.connection))
            return await self._within_transaction(work)
        except BaseException:
            await self._close()
            raise

    async def _within_transaction(self, work: _Work[T]) -> T:
        # What needs no reply travels with what does: two round trips, not four.
        async with self.connection.pipeline():
            try:
                await self.connection.execute(b"BEGIN")
                result = await work(OwnTransaction(self.connection))
                self.committing = True
                await self.connection.execute(b"COMMIT")
            except BaseException:
                await self._close()
                raise
        return result

    async def _close(self) -> None:
        self.broken = self.broken or self.connection.broken
        # To undo the transaction could take as long as what failed.
        await self.connection.close()


def failed(error: Exception, place: str) -> StoreError:
    """Return what an exception of psycopg says, without its words, which may repeat a value.

    Args:
        error: The exception.
        place: Where the server is.
    """
    state = getattr(error, "sqlstate", None)
    for code in (state, state and state[:2]):
        if code in _STATES:
            what, hint = _STATES[code]
            told = _("PostgreSQL at {place} {what}: {code}", place=place, what=what, code=state)
            return StoreError(told, hint=hint)
    if state is not None:
        told = _("PostgreSQL at {place} failed: {failure}", place=place, failure=state)
        return StoreError(told, hint=_("Look for this SQLSTATE in the log of PostgreSQL."))
    text = str(error)
    for word, what, hint in _WORDS:
        if word in text:
            return StoreError(_("PostgreSQL at {place} {what}", place=place, what=what), hint=hint)
    told = _("PostgreSQL at {place} cannot be reached", place=place)
    return StoreError(told, hint=_REACH)


def place_of(url: Secret) -> str:
    """Return host, port and database of a URL, without user and password.

    Raises:
        ValueError: The URL is not valid.
    """
    try:
        known = conninfo.conninfo_to_dict(url.reveal())
    except Error:
        known = None
    if known is None:
        # Outside of the except block: the exception may repeat the password.
        raise ValueError(_("not a valid URL of a PostgreSQL server"))
    host = known.get("host") or known.get("service") or "localhost"
    return f"{host}:{known.get('port', 5432)}/{known.get('dbname', '')}"
