"""What goes wrong with an answer over HTTP, beside the actions that serve SMTP as well."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

import attrs

from pytest_passpost.servers.actions import Action, Drip

if TYPE_CHECKING:
    from pytest_passpost.servers.channel import Channel

_LENGTH: Final = re.compile(rb"(?i)(\r\ncontent-length: *)(\d+)")


@attrs.frozen
class Truncated(Action):
    """Send the answer without its last octets, and end the connection.

    Attributes:
        missing: How many octets are left out.
    """

    needs_reply = True
    missing: int = 1

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send the most of it."""
        await channel.send(honest[: len(honest) - self.missing])
        await channel.close()
        return False


@attrs.frozen
class WrongLength(Action):
    """Send the answer with a Content-Length that is wrong, and end the connection.

    Attributes:
        value: What is written in place of the length; it need not be a number.
    """

    needs_reply = True
    value: str = "999999"

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send it."""
        await channel.send(_LENGTH.sub(rb"\g<1>" + self.value.encode(), honest, count=1))
        await channel.close()
        return False


@attrs.frozen
class SlowHead(Action):
    """Send the status line and the headers octet by octet, and the body at once.

    Attributes:
        interval: Seconds between two octets.
    """

    needs_reply = True
    interval: float = 1.0

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Let the head drip."""
        head, separator, body = honest.partition(b"\r\n\r\n")
        await Drip(self.interval).run(channel, head)
        await channel.send(separator + body)
        return True


@attrs.frozen
class EndlessHead(Action):
    """Begin an answer with status 200 whose headers never end."""

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - replaces it
        """Send headers until the client has had enough."""
        await channel.send(b"HTTP/1.1 200 OK\r\n")
        return await _repeated(channel, b"X-More: and more\r\n" * 100, None)


@attrs.frozen
class EndlessBody(Action):
    """Answer with status 200 and a body that never ends.

    Attributes:
        limit: Octets after which it ends after all; None: when the client hangs up.
    """

    limit: int | None = None

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - replaces it
        """Send the body, without a length and to the end of the connection."""
        await channel.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        )
        return await _repeated(channel, b'{"a": "b"}, ' * 1000, self.limit)


async def _repeated(channel: Channel, octets: bytes, limit: int | None) -> bool:
    left = limit
    while left is None or left > 0:
        part = octets if left is None else octets[:left]
        await channel.send(part)
        left = None if left is None else left - len(part)
        await asyncio.sleep(0)
    await channel.close()
    return False


__all__ = ["EndlessBody", "EndlessHead", "SlowHead", "Truncated", "WrongLength"]
