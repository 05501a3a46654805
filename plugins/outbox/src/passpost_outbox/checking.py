"""What `passpost check --connect` and `passpost doctor` say of an outbox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, Protocol, runtime_checkable

import attrs

from passpost import Finding
from passpost.phrases import Phrases, said
from passpost.stores import StoreError
from passpost_outbox.keys import Keys
from passpost_outbox.store import OutboxStore

_ = Phrases("passpost_outbox")

_OUTBOX: Final = _("outbox")


@runtime_checkable
class CheckableStore(Protocol):
    """A store that knows more of itself than whether it can be reached."""

    async def check(self) -> Iterable[Finding]:
        """Return what is found: can it be reached, and what does it forget?

        Raises:
            StoreError: It cannot be asked.
        """
        ...


def finding(
    id_: str, result: Literal["ok", "warning", "error"], evidence: str, remedy: str = ""
) -> Finding:
    """Return a finding about an outbox."""
    return Finding(_OUTBOX, result, evidence, remedy, id_)


def failed(error: StoreError, id_: str) -> Finding:
    """Return what a store or the keys say of their failure."""
    return finding(id_, "error", said(error), error.hint)


async def check_store(store: OutboxStore) -> list[Finding]:
    """Ask a store whether it can be used, and close it."""
    try:
        if isinstance(store, CheckableStore):
            return [attrs.evolve(each, subject=_OUTBOX) for each in await store.check()]
        # It reads the tables, whatever they are.
        await store.get("none")
    except StoreError as error:
        return [failed(error, "store.unreachable")]
    finally:
        await store.aclose()
    return [finding("store.reachable", "ok", _("the store replies"))]


def check_keys(keys: KeysOpener, folder: Path) -> Finding:
    """Return whether an email could be encrypted."""
    try:
        name, _cipher = keys.open_keys(folder).current()
    except StoreError as error:
        return failed(error, "keys.unreadable")
    return finding("keys.readable", "ok", _("the key {name} encrypts", name=name))


class KeysOpener(Protocol):
    """The settings of keys."""

    def open_keys(self, folder: Path) -> Keys:
        """Return the keys; relative paths begin at a folder."""
        ...
