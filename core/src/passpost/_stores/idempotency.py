"""Which sends have begun and how they ended, by idempotency key."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from passpost._stores.common import ProcessLock, default_clock

if TYPE_CHECKING:
    from passpost._policy.clock import Clock

Record = Mapping[str, Any]
"""How a send ended, as JSON data."""


@attrs.frozen
class Begun:
    """The send is the caller's to make, and to finish or to forget.

    Attributes:
        token: Shows that it is the caller's.
    """

    token: str


@attrs.frozen
class Running:
    """Another send of the same key is under way."""


@attrs.frozen
class Ended:
    """A send of the same key has ended.

    Attributes:
        record: How; None where its process vanished, so that nobody knows.
    """

    record: Record | None


@attrs.frozen
class OtherContent:
    """The key was used for something else."""


Beginning = Begun | Running | Ended | OtherContent


class IdempotencyStore(Protocol):
    """Remembers sends; one for a process, for a machine, or shared by a fleet.

    Neither key nor fingerprint contains anything of a message: both are keyed hashes.
    """

    async def begin(
        self, key: str, fingerprint: str, *, running: float, kept: float, token: str | None = None
    ) -> Beginning:
        """Begin a send, unless it has begun already. One of several callers at a time gets it.

        Args:
            key: Names the send.
            fingerprint: Tells one content from another.
            running: Seconds after which a send that has not ended counts as vanished.
            kept: Seconds that the key is remembered.
            token: Shows that the send is the caller's. A caller that asks again, because a reply
                was lost, begins it again. None has the store make one. A store whose `begin` does
                not take it always makes one, and a lost reply leaves its key begun.
        """
        ...

    async def finish(self, key: str, token: str, record: Record) -> None:
        """Note how a send ended."""
        ...

    async def forget(self, key: str, token: str) -> None:
        """Free a key: its send was not made."""
        ...


@attrs.define
class _Entry:
    fingerprint: str
    token: str
    vanished_at: float
    over_at: float
    record: Record | None = None


class MemoryIdempotency:
    """The store of one process.

    Args:
        clock: The time; that of the running event loop by default.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or default_clock()
        self._entries: dict[str, _Entry] = {}
        # Mailers on several event loops, each in a thread, may share it.
        self._lock = ProcessLock()

    async def begin(
        self, key: str, fingerprint: str, *, running: float, kept: float, token: str | None = None
    ) -> Beginning:
        """Begin a send; see `IdempotencyStore.begin`."""
        token = token or new_token()
        now = self._clock.monotonic()
        with self._lock.here():
            self._forget_old(now)
            entry = self._entries.get(key)
            if entry is None:
                self._entries[key] = _Entry(fingerprint, token, now + running, now + kept)
                return Begun(token)
        vanished = now >= entry.vanished_at
        return state_of(
            entry.fingerprint, fingerprint, entry.record, entry.token, token, vanished=vanished
        )

    async def finish(self, key: str, token: str, record: Record) -> None:
        """Note how a send ended."""
        with self._lock.here():
            entry = self._entries.get(key)
            if entry is not None and entry.token == token:
                entry.record = record

    async def forget(self, key: str, token: str) -> None:
        """Free a key."""
        with self._lock.here():
            entry = self._entries.get(key)
            if entry is not None and entry.token == token:
                del self._entries[key]

    def _forget_old(self, now: float) -> None:
        # Kept for the same time nearly all, so the oldest come first.
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.over_at > now:
                return
            del self._entries[key]


def takes_token(store: IdempotencyStore) -> bool:
    """Return whether a store takes the token of a send from its caller."""
    try:
        parameters = inspect.signature(store.begin).parameters.values()
    except (AttributeError, TypeError, ValueError):
        return False
    return any(each.name == "token" or each.kind is each.VAR_KEYWORD for each in parameters)


def new_token() -> str:
    """Return what shows that a send is its caller's."""
    return secrets.token_hex(8)


def state_of(  # noqa: PLR0913 - the columns of a store
    stored: str,
    fingerprint: str,
    record: Record | None,
    owner: str,
    token: str,
    *,
    vanished: bool,
) -> Beginning:
    """Return what a key that is known already means for a send.

    Args:
        stored: The fingerprint it was begun with.
        fingerprint: The fingerprint of the send that asks.
        record: How it ended; None where it did not.
        owner: The token it was begun with.
        token: That of the send that asks.
        vanished: Whether it should have ended by now.
    """
    if stored != fingerprint:
        return OtherContent()
    if record is None and owner == token:
        # Its first reply was lost.
        return Begun(token)
    if record is not None or vanished:
        return Ended(record)
    return Running()
