"""A message as an encrypted body, which is worth nothing outside of its record.

``version (1 byte) | length of the key's name (1) | its name | nonce (12) | ciphertext and tag``.
Associated data are version, name of the key, ID, usage and deadline: a body that was moved to
another record, or a record whose deadline was changed, cannot be decrypted.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidTag

from passpost import Identity, Message, MessageError
from passpost.phrases import Phrases
from passpost_outbox.keys import Keys
from passpost_outbox.records import Record

_ = Phrases("passpost_outbox")

VERSION: Final = 1
_NONCE: Final = 12


class UnreadableError(Exception):
    """A body cannot be decrypted.

    Attributes:
        reason: ``key``: the key is missing. ``damaged``: anything else.
    """

    def __init__(self, reason: Literal["key", "damaged"]) -> None:
        super().__init__(reason)
        self.reason = reason


def content(message: Message) -> dict[str, Any]:
    """Return a message as JSON data, without its deadline, which is the record's.

    Raises:
        MessageError: The context is not JSON data.
    """
    reply_to = message.reply_to
    plain = {
        "to": message.to.address,
        "usage": message.usage,
        "payload": dict(message.payload),
        "locale": list(message.locale),
        "idempotency_key": message.idempotency_key,
        "headers": dict(message.headers),
        "reply_to": None if reply_to is None else reply_to.address,
        "context": dict(message.context),
    }
    try:
        json.dumps(plain["context"], allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        pass
    else:
        return plain
    del plain
    raise MessageError(_("in an outbox, the context must be JSON data"), field="context")


def sealed(message: Message, keys: Keys, *, id_: str, usage: str, deadline: int) -> bytes:
    """Return the encrypted body of a message.

    Args:
        message: The message.
        keys: The keys.
        id_: The record's ID.
        usage: The record's usage.
        deadline: The record's deadline.

    Raises:
        MessageError: The context is not JSON data.
        StoreError: The keys cannot be read.
    """
    name, cipher = keys.current()
    nonce = os.urandom(_NONCE)
    bound = _associated(name, id_, usage, deadline)
    head = bytes((VERSION, len(name))) + name.encode()
    text = json.dumps(content(message), ensure_ascii=False).encode()
    return head + nonce + cipher.encrypt(nonce, text, bound)


def opened(  # noqa: PLR0913 - what the body is bound to
    body: bytes, keys: Keys, *, id_: str, usage: str, deadline: int, expires: dt.datetime
) -> Message:
    """Return the message of an encrypted body.

    Args:
        body: The body.
        keys: The keys.
        id_: The record's ID.
        usage: The record's usage.
        deadline: The record's deadline.
        expires: The message's deadline, on the clock of this machine.

    Raises:
        UnreadableError: The body cannot be decrypted. Its text and context contain nothing of it.
    """
    return Message(**_opened(body, keys, id_, usage, deadline), deadline=expires)


def identity_of(record: Record) -> Identity | None:
    """Return what makes two sends the same email, if there may be two.

    Raises:
        UnreadableError: Somebody changed its date: no email was made with it.
    """
    if record.date is None:
        return None
    try:
        date = dt.datetime.fromtimestamp(record.date / 1000, dt.UTC)
    except (OverflowError, ValueError, OSError):
        pass
    else:
        return Identity(record.id, date)
    raise UnreadableError("damaged")


def _opened(body: bytes, keys: Keys, id_: str, usage: str, deadline: int) -> dict[str, Any]:
    head = 2 + (body[1] if len(body) > 1 else 0)
    if len(body) < head + _NONCE or body[0] != VERSION:
        raise UnreadableError("damaged")
    name = body[2:head].decode("ascii", "replace")
    cipher = keys.find(name)
    if cipher is None:
        raise UnreadableError("key")
    nonce, text = body[head : head + _NONCE], body[head + _NONCE :]
    try:
        plain: dict[str, Any] = json.loads(
            cipher.decrypt(nonce, text, _associated(name, id_, usage, deadline))
        )
    except InvalidTag:
        pass
    else:
        return plain
    raise UnreadableError("damaged")


def _associated(name: str, id_: str, usage: str, deadline: int) -> bytes:
    return json.dumps([VERSION, name, id_, usage, deadline]).encode()
