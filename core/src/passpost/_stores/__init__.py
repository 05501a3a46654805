"""What a send has to remember beyond itself: in memory, in a SQLite file, or in a package's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, Protocol

import attrs

from passpost._connector_info import Finding
from passpost._phrases import _, said
from passpost._stores.common import StoreError
from passpost._stores.cooldown import Cooldowns
from passpost._stores.idempotency import IdempotencyStore
from passpost._stores.rate import RateLimiter

_STORE: Final = _("store")


@attrs.frozen(kw_only=True)
class Stores:
    """Where a mailer remembers what concerns more than one send.

    Attributes:
        idempotency: Which sends were made, by idempotency key; None makes a send again whenever it
            is asked for.
        secret: Keys the hashes that stores see; the same for all processes that share one. None
            makes one for this process, and leaves the hashes of recipients without a key.
        on_failure: Whether an email is rejected (``reject``) or sent (``send``) where a store
            cannot be asked.
        rates: Counts what connectors are given; None counts in this process.
        cooldowns: Remembers who was written to; None remembers in this process.

    A store may have a method ``aclose()``. A mailer that is closed awaits it: the store ends what
    it has open on the running event loop, and may be used again by another mailer.

    It may have a method ``check()`` as well, which `passpost check --connect` awaits: it returns
    findings (`passpost.Finding`), or raises `StoreError` if the store cannot be asked.
    """

    idempotency: IdempotencyStore | None = None
    secret: bytes | None = attrs.field(default=None, repr=False)
    on_failure: Literal["reject", "send"] = "reject"
    rates: RateLimiter | None = None
    cooldowns: Cooldowns | None = None

    def __attrs_post_init__(self) -> None:
        """Reject a secret that would not be the same for all processes.

        Raises:
            TypeError: It is not bytes.
            ValueError: It is empty.
        """
        # The value itself is not shown.
        if self.secret is not None and not isinstance(self.secret, bytes):
            raise TypeError(f"secret is bytes, not {type(self.secret).__name__}: encode the text")
        if self.secret == b"":
            raise ValueError("secret is empty")

    async def check(self) -> list[Finding]:
        """Ask each store whether it can be reached, and what its server forgets.

        A store that has no method ``check()`` of its own, which returns findings, is not asked.
        """
        found: list[Finding] = []
        for store in self._each():
            ask = getattr(store, "check", None)
            if ask is None:
                continue
            try:
                found += await ask()
            except StoreError as error:
                found.append(Finding(_STORE, "error", said(error), error.hint, "store.unreachable"))
        # Of stores that share a server, each finds the same.
        return list(dict.fromkeys(found))

    async def aclose(self) -> None:
        """End what the stores have open on the running event loop."""
        for store in self._each():
            close = getattr(store, "aclose", None)
            if close is not None:
                await close()

    def _each(self) -> Iterable[object]:
        # One object may be several of them.
        stores = (self.idempotency, self.rates, self.cooldowns)
        return {id(each): each for each in stores if each is not None}.values()


class StoresSettings(Protocol):
    """The settings of stores, as a package offers them to settings files.

    An attrs class whose fields are the settings, named by an entry point of the group
    ``passpost.stores``::

        @attrs.frozen(kw_only=True)
        class AcmeSettings:
            url: Secret = config.field(title={"en": "URL"})

            def open_stores(self, folder: Path) -> Stores:
                return Stores(idempotency=AcmeIdempotency(self.url))
    """

    def open_stores(self, folder: Path) -> Stores:
        """Return the stores; they connect to nothing before they are used.

        Args:
            folder: Where relative paths begin: that of the settings file.
        """
        ...
