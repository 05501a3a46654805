"""Sends emails again that an idempotency store knows to be of unknown outcome."""

from __future__ import annotations

import attrs

from passpost._stores.idempotency import takes_token
from passpost.stores import Beginning, Begun, Ended, IdempotencyStore, Record, Stores


def resending(stores: Stores) -> Stores:
    """Return stores with which an email of unknown outcome is sent again, and no other one is."""
    if stores.idempotency is None:
        return stores
    return attrs.evolve(stores, idempotency=_Resending(stores.idempotency))


class _Resending:
    """An idempotency store that lets a send begin again whose outcome it does not know.

    What becomes of it is noted in the journal alone: for the store, its outcome stays unknown.

    Args:
        store: The store.
    """

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    async def begin(
        self, key: str, fingerprint: str, *, running: float, kept: float, token: str | None = None
    ) -> Beginning:
        """Begin a send; see `IdempotencyStore.begin`."""
        own = {"token": token} if takes_token(self._store) else {}
        found = await self._store.begin(key, fingerprint, running=running, kept=kept, **own)
        if isinstance(found, Ended) and (found.record or {}).get("outcome") != "accepted":
            # No send has this token, so its end changes nothing.
            return Begun("")
        return found

    async def finish(self, key: str, token: str, record: Record) -> None:
        """Note how a send ended."""
        await self._store.finish(key, token, record)

    async def forget(self, key: str, token: str) -> None:
        """Free a key."""
        await self._store.forget(key, token)

    async def aclose(self) -> None:
        """Close the store."""
        await Stores(idempotency=self._store).aclose()
