"""What a mailer remembers beyond one send, and the protocols for stores of your own.

::

    from passpost.stores import SqliteIdempotency, Stores

    stores = Stores(idempotency=SqliteIdempotency("sends.sqlite"), secret=key)
    mailer = passpost.Mailer(smtp, stores=stores)
"""

from __future__ import annotations

from passpost._stores import Stores, StoresSettings
from passpost._stores.common import StoreError
from passpost._stores.cooldown import Cooldowns, MemoryCooldowns
from passpost._stores.idempotency import (
    Beginning,
    Begun,
    Ended,
    IdempotencyStore,
    MemoryIdempotency,
    OtherContent,
    Record,
    Running,
)
from passpost._stores.rate import MemoryRateLimiter, Rate, RateLimiter, ReturnableRates
from passpost._stores.sqlite import SqliteIdempotency
from passpost._stores.sqlite_file import SqliteFile

__all__ = [
    "Beginning",
    "Begun",
    "Cooldowns",
    "Ended",
    "IdempotencyStore",
    "MemoryCooldowns",
    "MemoryIdempotency",
    "MemoryRateLimiter",
    "OtherContent",
    "Rate",
    "RateLimiter",
    "Record",
    "ReturnableRates",
    "Running",
    "SqliteFile",
    "SqliteIdempotency",
    "StoreError",
    "Stores",
    "StoresSettings",
]
