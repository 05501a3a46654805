"""A transaction of the application, in which an outbox stores an email."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from passpost_outbox.records import Record

T = TypeVar("T")

Rows: TypeAlias = list[Any]
"""What a statement returned, a tuple for each row."""


class Transaction(Protocol):
    """Runs SQL in a transaction.

    Its parameters are written as ``%(name)s``, whatever the library of the connection expects.
    """

    async def read(self, sql: str, values: Mapping[str, Any]) -> Rows:
        """Run a statement, and return its rows."""
        ...

    async def write(self, sql: str, values: Mapping[str, Any]) -> None:
        """Run a statement that returns no rows; it may run together with the next one."""
        ...


class Writer(Protocol):
    """Adds records in a transaction of the application."""

    @property
    def blocks(self) -> bool:
        """Whether the connection blocks, so that the coroutines end without ever waiting."""
        ...

    @property
    def transaction(self) -> Transaction:
        """The transaction, for an engine that writes in it as well."""
        ...

    async def now(self) -> int:
        """Return the store's time; see `OutboxStore.now`."""
        ...

    async def put(
        self, record: Record, body: bytes, *, supersedes: tuple[str, str] | None = None
    ) -> Record:
        """Add a queued record; see `OutboxStore.put`."""
        ...


@runtime_checkable
class TransactionalStore(Protocol):
    """A store that writes in a transaction of the application."""

    def within(self, connection: object) -> Writer:
        """Return what adds records over a connection of the application.

        Raises:
            TypeError: The connection is of a kind that the store does not know.
            ValueError: The connection has no transaction.
        """
        ...


@runtime_checkable
class TransactionalEngine(Protocol):
    """An engine that publishes in a transaction of the application, too."""

    async def publish_within(
        self, transaction: Transaction, id_: str, *, seconds_left: float, priority: int
    ) -> None:
        """Bring an ID to a worker, if the transaction is committed; see `Engine.publish`.

        Raises:
            StoreError: It failed, and the transaction has to be rolled back.
        """
        ...


def writer(store: object, connection: object, *, blocks: bool) -> Writer:
    """Return what adds records over a connection of the application.

    Args:
        store: The store.
        connection: The connection.
        blocks: Whether the connection is to block.

    Raises:
        TypeError: The store or the connection cannot do that.
        ValueError: The connection has no transaction.
    """
    if not isinstance(store, TransactionalStore):
        raise TypeError(f"{type(store).__name__} does not write in transactions of an application")
    found = store.within(connection)
    if found.blocks != blocks:
        needed = "Outbox" if found.blocks else "AsyncOutbox"
        raise TypeError(f"a connection of this kind is for {needed}")
    return found


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that never waits, in this thread and without an event loop.

    The connection belongs to the thread that uses it.
    """
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a blocking connection waited")
