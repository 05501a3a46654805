"""What makes two sends the same email."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs


def _require_name(_instance: object, _attribute: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError("name must be a text that is not empty")


def _require_zone(_instance: object, _attribute: object, value: Any) -> None:
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        raise ValueError("date must be a datetime with a time zone")


@attrs.frozen
class Identity:
    """What makes two sends the same email, for a queue that repeats what may have been lost.

    Two sends of equal messages through the same connector have the same Message-ID, Date, content
    and `Mail.delivery_key`, if they are given the same identity::

        identity = passpost.Identity(row.id, row.first_sent_at)
        await mailer.send(message, identity=identity)

    Args:
        name: Names the email: the same name and recipient give the same Message-ID, which does not
            contain them. A message's idempotency key comes before it.
        date: When the first send began, with a time zone.

    Raises:
        ValueError: The name is empty, or the date has no time zone.
    """

    name: str = attrs.field(validator=_require_name, repr=False)
    date: dt.datetime = attrs.field(validator=_require_zone)
