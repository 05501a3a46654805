"""The outbox for code that blocks: Django, Flask, scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import attrs

from passpost import Message, Secret
from passpost_outbox.async_outbox import PRIORITIES, AsyncOutbox, Status
from passpost_outbox.engine import AGAIN, PATIENCE, Engine
from passpost_outbox.keys import Keys, hidden
from passpost_outbox.loops import LoopThread
from passpost_outbox.opening import OutboxFromFile
from passpost_outbox.records import State
from passpost_outbox.store import OutboxStore
from passpost_outbox.transactions import at_once


@attrs.frozen
class Ticket:
    """An email in an outbox. ``str(ticket)`` is its ID, for responses and databases.

    Attributes:
        id: The ID.
    """

    id: str
    _outbox: Outbox = attrs.field(repr=False, eq=False)

    def __str__(self) -> str:
        return self.id

    def wait(self, timeout: float) -> Status | None:
        """Return the final status, or that after some seconds; see `AsyncTicket.wait`."""
        return self._outbox.wait(self.id, timeout)


class Outbox(OutboxFromFile):
    """`AsyncOutbox` for blocking code, safe to call from many threads at once.

    All threads share an event loop in a background thread. After a fork the child starts its own.

    It takes the arguments of `AsyncOutbox`, and raises what that raises.
    """

    def __init__(  # noqa: PLR0913 - those of `AsyncOutbox`
        self,
        store: OutboxStore,
        keys: Keys,
        *,
        secret: bytes | Secret,
        lifetime: float = 600.0,
        priorities: Mapping[str, int] = PRIORITIES,
        engine: Engine | None = None,
        publish_timeout: float = PATIENCE,
        republish: float = AGAIN,
    ) -> None:
        key = hidden(secret)
        del secret
        self._outbox = AsyncOutbox(
            store,
            keys,
            secret=key,
            lifetime=lifetime,
            priorities=priorities,
            engine=engine,
            publish_timeout=publish_timeout,
            republish=republish,
        )
        self._thread = LoopThread("passpost outbox")

    def enqueue(
        self,
        message: Message,
        *,
        supersedes: tuple[str, str] | None = None,
        within: object = None,
    ) -> Ticket:
        """Store an email for a worker to send; see `AsyncOutbox.enqueue`.

        Args:
            message: The email.
            supersedes: A recipient's address and a usage, whose other emails expire.
            within: A connection of the application, which blocks and has a transaction. It is used
                in this thread.
        """
        if within is None:
            return Ticket(self._thread.run(self._outbox.store(message, supersedes)), self)
        writer = self._outbox.writer(within)
        return Ticket(at_once(self._outbox.store(message, supersedes, writer)), self)

    def retry(self, id_: str, *, lifetime: float | None = None) -> bool:
        """Send an email after all that expired; see `AsyncOutbox.retry`."""
        return self._thread.run(self._outbox.retry(id_, lifetime=lifetime))

    def status(self, id_: str) -> Status | None:
        """Return what became of an email so far, or None where there is none of this ID."""
        return self._thread.run(self._outbox.status(id_))

    def wait(self, id_: str, timeout: float) -> Status | None:
        """Return the final status of an email, or that after some seconds."""
        return self._thread.run(self._outbox.wait(id_, timeout))

    def counts(self) -> dict[State, int]:
        """Return how many emails each state has."""
        return self._thread.run(self._outbox.counts())

    def close(self) -> None:
        """Close the store, and end the background thread; the next call starts both again."""
        self._thread.stop(self._outbox.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()
