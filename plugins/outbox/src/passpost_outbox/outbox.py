"""The outbox for code that blocks: Django, Flask, scripts."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

import attrs

from passpost import Message
from passpost_outbox.async_outbox import PRIORITIES, AsyncOutbox, Status
from passpost_outbox.keys import Keys
from passpost_outbox.records import State
from passpost_outbox.store import OutboxStore

T = TypeVar("T")


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


class Outbox:
    """`AsyncOutbox` for blocking code, safe to call from many threads at once.

    All threads share an event loop in a background thread. After a fork the child starts its own.

    Args:
        store: Where the emails are.
        keys: Encrypts them.
        secret: Keys the hashes of recipients and idempotency keys: at least 16 bytes, the same for
            all processes. It does not rotate with `keys`.
        lifetime: Seconds after which an email without a deadline is worth nothing.
        priorities: The priority of each usage; lower ones are sent first. `PRIORITIES` by default,
            and 50 for all other usages.

    Raises:
        ValueError: The secret is too short, or the lifetime is not positive.
    """

    def __init__(
        self,
        store: OutboxStore,
        keys: Keys,
        *,
        secret: bytes,
        lifetime: float = 600.0,
        priorities: Mapping[str, int] = PRIORITIES,
    ) -> None:
        self._outbox = AsyncOutbox(
            store, keys, secret=secret, lifetime=lifetime, priorities=priorities
        )
        # By process: a thread does not survive a fork, and a lock may be held when it happens.
        self._loops: dict[int, asyncio.AbstractEventLoop] = {}
        self._locks: dict[int, threading.Lock] = {}

    def enqueue(self, message: Message, *, supersedes: tuple[str, str] | None = None) -> Ticket:
        """Store an email for a worker to send; see `AsyncOutbox.enqueue`."""
        return Ticket(self._run(self._outbox.store(message, supersedes)), self)

    def status(self, id_: str) -> Status | None:
        """Return what became of an email so far, or None where there is none of this ID."""
        return self._run(self._outbox.status(id_))

    def wait(self, id_: str, timeout: float) -> Status | None:
        """Return the final status of an email, or that after some seconds."""
        return self._run(self._outbox.wait(id_, timeout))

    def counts(self) -> dict[State, int]:
        """Return how many emails each state has."""
        return self._run(self._outbox.counts())

    def close(self) -> None:
        """Close the store, and end the background thread; the next call starts both again."""
        with self._lock():
            loop = self._loops.pop(os.getpid(), None)
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._outbox.aclose(), loop).result()
            loop.call_soon_threadsafe(loop.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop())
        try:
            return future.result()
        except BaseException:
            # A caller that was interrupted waits no longer.
            future.cancel()
            raise

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock():
            loop = self._loops.get(os.getpid())
            if loop is None:
                loop = self._loops[os.getpid()] = asyncio.new_event_loop()
                # A daemon: an application need not close its outbox.
                threading.Thread(
                    target=_serve, args=(loop,), name="passpost outbox", daemon=True
                ).start()
        return loop

    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
