"""A SQLite file that all processes of one machine share."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import anyio.to_thread

from passpost._phrases import _
from passpost._stores.common import ProcessLock, StoreError

T = TypeVar("T")

_PATIENCE: Final = 5.0
"""Seconds to wait for another process that writes."""

_HINT: Final = _("Check that the folder exists, and that this process may write there.")
_OPENING: Final = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")


class SqliteFile:
    """A SQLite file for a store of your own: transactions in threads, on disk when they return.

    ::

        file = SqliteFile("codes.sqlite", lambda connection: ["CREATE TABLE IF NOT EXISTS …"])
        await file.transact(lambda connection: connection.execute("INSERT …"))

    A process has one connection, which a child of a fork does not share.

    Args:
        path: The file; it is made where there is none. It has to be on a local disk: SQLite's
            locks do not hold on network file systems (sqlite.org/faq.html#q5).
        opening: Returns the statements that prepare a new connection, one after the other.
        busy_hint: What to do where processes write more than the file can take.
    """

    def __init__(
        self,
        path: str | Path,
        opening: Callable[[sqlite3.Connection], Iterable[str]],
        *,
        busy_hint: str = "",
    ) -> None:
        self.path: Final = Path(path)
        self._opening = opening
        self._busy_hint = busy_hint
        # By process: SQLite's connections must not cross a fork, not even to be closed there
        # (sqlite.org/howtocorrupt.html, 2.6).
        self._connections: dict[int, sqlite3.Connection] = {}
        self._lock = ProcessLock()
        # While a process forks, no file is added that the fork does not hold.
        with _adding.here():
            _files[id(self)] = self

    async def transact(
        self, work: Callable[[sqlite3.Connection], T], *, abandons: bool = False
    ) -> T:
        """Return what some work returns that is done in one transaction, in a thread.

        Args:
            work: Runs the statements; what it raises undoes them.
            abandons: Whether a caller that is cancelled does not wait for the end.

        Raises:
            StoreError: The file cannot be read or written.
        """
        return await anyio.to_thread.run_sync(self.transact_now, work, abandon_on_cancel=abandons)

    def transact_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what some work returns, in the calling thread; see `transact`.

        Raises:
            StoreError: The file cannot be read or written.
        """
        lock = self._lock.here()
        if not lock.acquire(timeout=_PATIENCE):
            raise StoreError(
                _("the SQLite file {path} is busy", path=self.path), hint=self._busy_hint
            )
        try:
            return self._in_transaction(work)
        except sqlite3.Error as error:
            # SQLite's own words name tables and columns, and repeat no value.
            raise StoreError(
                _("the SQLite file {path}: {error}", path=self.path, error=error), hint=_HINT
            ) from None
        finally:
            lock.release()

    async def aclose(self) -> None:
        """Close the file; the next transaction opens it again."""
        await anyio.to_thread.run_sync(self.close)

    def close(self) -> None:
        """Close the file; the next transaction opens it again."""
        with self._lock.here():
            connection = self._connections.pop(os.getpid(), None)
            if connection is not None:
                connection.close()

    def _in_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connections.get(os.getpid())
        if connection is None:
            connection = self._connections[os.getpid()] = self._connect()
        # Takes the lock for writing now: a transaction that reads first could not get it later.
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            # A commit that failed may have ended the transaction itself.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in _OPENING:
                connection.execute(statement)
            for statement in self._opening(connection):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


_files: Final[weakref.WeakValueDictionary[int, SqliteFile]] = weakref.WeakValueDictionary()
_adding: Final = ProcessLock()


class _Held(threading.local):
    """The locks that a thread holds while it forks."""

    def __init__(self) -> None:
        self.locks: list[threading.Lock] = []


_held: Final = _Held()


def _hold_all() -> None:
    # SQLite has locks of its own. One that another thread holds at a fork is held in the child for
    # ever, which then hangs when it opens its first file.
    _hold(_adding)
    for reference in _files.valuerefs():
        if (file := reference()) is not None:
            _hold(file._lock)  # noqa: SLF001 - of this module


def _hold(one: ProcessLock) -> None:
    lock = one.here()
    if lock.acquire(timeout=_PATIENCE):
        _held.locks.append(lock)


def _release_all() -> None:
    while _held.locks:
        _held.locks.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_release_all)
