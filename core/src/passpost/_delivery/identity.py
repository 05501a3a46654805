"""What makes one email the same email, however often it is attempted."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passpost._messages.messages import Message


class Identity:
    """What stays the same for each attempt at an email; made once per send, before the first one.

    Args:
        token: The left part of the Message-ID.

    Attributes:
        date: When the send began, in UTC.
        began: The same moment on the monotonic clock, which no step of the wall clock moves.
    """

    __slots__ = ("_message_id", "_token", "began", "date")

    def __init__(self, token: str) -> None:
        self.date = dt.datetime.now(dt.UTC)
        self.began = time.monotonic()
        self._token = token
        self._message_id = ""

    @classmethod
    def of(cls, message: Message) -> Identity:
        """Return a new identity: with the same token for the same idempotency key and recipient."""
        if message.idempotency_key is None:
            # What `secrets.token_hex` returns, which takes twice as long.
            return cls(os.urandom(16).hex())
        named = f"{message.idempotency_key}\0{message.to.address}"
        return cls(hashlib.sha256(named.encode()).hexdigest()[:32])

    def message_id(self, domain: str) -> str:
        """Return the Message-ID; the domain of the first attempt stays."""
        if not self._message_id:
            self._message_id = f"<{self._token}@{domain}>"
        return self._message_id
