"""The ``stores`` of an application's settings, and those that passpost itself brings."""

# No postponed annotations here: the types of settings are looked up at run time.
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import attrs

from passpost._config.fields import field
from passpost._config.reading import PLACEHOLDER
from passpost._config.settings import Settings
from passpost._config.values import is_secret_placeholder
from passpost._phrases import _
from passpost._problems import Problem
from passpost._secret import Secret
from passpost._stores import Stores
from passpost._stores.idempotency import MemoryIdempotency

MEMORY: Final = "memory"

_LEAST: Final = 16
"""Characters of a secret: with fewer, the hashes of codes and addresses could be undone."""

_MAKE_ONE: Final = _("make one with `python -c 'import secrets; print(secrets.token_hex())'`")


@attrs.frozen(kw_only=True)
class StoresEntry:
    """What an application remembers between sends, and where.

    Attributes:
        use: The name of the stores.
        settings: Their own settings, which know their place in the file.
        secret: Keys the hashes that stores see; the same for all processes that share them.
        on_failure: Whether an email is rejected or sent where a store cannot be asked.
    """

    use: str = field(minimum=1, example="redis")
    settings: Settings = field(factory=lambda: Settings({}))
    secret: Secret | None = field(default=None, example="${PASSPOST_STORE_SECRET}")
    on_failure: Literal["reject", "send"] = field(default="reject")

    def problems_of_secret(self) -> Iterator[Problem]:
        """Yield what is wrong with the secret.

        Not a rule, so that the problems of the stores' own settings are shown as well.
        """
        if self.secret is None:
            if self.use != MEMORY:
                message = _("required for stores that processes share")
                yield Problem("secret", message, _MAKE_ONE, code="E431")
        elif is_secret_placeholder(self.secret.reveal()):
            yield Problem("secret", PLACEHOLDER, _MAKE_ONE, code="E431")
        elif len(self.secret.reveal()) < _LEAST:
            message = _("shorter than {least} characters", least=_LEAST)
            yield Problem("secret", message, _MAKE_ONE, code="E431")


@attrs.frozen(kw_only=True)
class MemorySettings:
    """Stores that one mailer of one process has; there is nothing to set."""

    def open_stores(self, folder: Path) -> Stores:
        """Return the stores; see `passpost.stores.StoresSettings`."""
        del folder
        return Stores(idempotency=MemoryIdempotency())


@attrs.frozen(kw_only=True)
class SqliteSettings:
    """Sends in a file that the processes of one machine share.

    Attributes:
        path: The file.
    """

    path: str = field(minimum=1, example="/var/lib/passpost/sends.sqlite")

    def open_stores(self, folder: Path) -> Stores:
        """Return the stores; see `passpost.stores.StoresSettings`."""
        # Here, so that only those who use it import sqlite3.
        from passpost._stores.sqlite import SqliteIdempotency  # noqa: PLC0415

        return Stores(idempotency=SqliteIdempotency(folder / self.path))
