"""What a send has to remember beyond itself: in memory, in a SQLite file, or in a package's own."""

from __future__ import annotations

from typing import Literal

import attrs

from passpost._stores.cooldown import Cooldowns
from passpost._stores.idempotency import IdempotencyStore
from passpost._stores.rate import RateLimiter


@attrs.frozen(kw_only=True)
class Stores:
    """Where a mailer remembers what concerns more than one send.

    Attributes:
        idempotency: Which sends were made, by idempotency key; None makes a send again whenever it
            is asked for.
        secret: Keys the hashes that stores see; the same for all processes that share one. None
            makes one for this process, and leaves the hashes of recipients without a key.
        on_failure: Whether an email is rejected (``refuse``) or sent (``send``) where a store
            cannot be asked.
        rates: Counts what connectors are given; None counts in this process.
        cooldowns: Remembers who was written to; None remembers in this process.
    """

    idempotency: IdempotencyStore | None = None
    secret: bytes | None = attrs.field(default=None, repr=False)
    on_failure: Literal["refuse", "send"] = "refuse"
    rates: RateLimiter | None = None
    cooldowns: Cooldowns | None = None
