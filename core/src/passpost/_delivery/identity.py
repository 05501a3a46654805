"""What makes one email the same email, however often it is attempted."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passpost._messages.identity import Identity
    from passpost._messages.messages import Message


class SendIdentity:
    """What stays the same for each attempt at an email; made once per send, before the first one.

    Args:
        token: The left part of the Message-ID.
        date: The email's Date, if an earlier send had one.

    Attributes:
        date: The email's Date, in UTC: when the first send of it began.
        started: When this send began, in UTC.
        began: The same moment on the monotonic clock, which no step of the wall clock moves.
    """

    __slots__ = ("_message_id", "_token", "began", "date", "started")

    def __init__(self, token: str, date: dt.datetime | None = None) -> None:
        self.started = dt.datetime.now(dt.UTC)
        self.date = date or self.started
        self.began = time.monotonic()
        self._token = token
        self._message_id = ""

    @classmethod
    def of(cls, message: Message, given: Identity | None = None) -> SendIdentity:
        """Return a new identity: with the same token for the same idempotency key and recipient.

        Args:
            message: The message.
            given: Makes this send the same email as an earlier one.
        """
        date = None if given is None else given.date.astimezone(dt.UTC)
        if message.idempotency_key is not None:
            return cls(_hashed(f"{message.idempotency_key}\0{message.to.address}"), date)
        if given is not None:
            return cls(_hashed(f"{given.name}\0{message.to.address}\0"), date)
        # What `secrets.token_hex` returns, which takes twice as long.
        return cls(os.urandom(16).hex())

    def message_id(self, domain: str) -> str:
        """Return the Message-ID; the domain of the first attempt stays."""
        if not self._message_id:
            self._message_id = f"<{self._token}@{domain}>"
        return self._message_id


def _hashed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
