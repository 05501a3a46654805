"""What an SMTP server does that is worse than to fail: it withholds, shifts, repeats and lies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from pytest_passpost.servers.actions import Action, Close, Reset, Say, named

if TYPE_CHECKING:
    from pytest_passpost.servers.channel import Channel


@attrs.frozen
class Group(Action):
    """Hold this reply and those behind it back until nothing is left to read.

    Servers may do so with commands that came in one go (RFC 2920 section 3.2). One that dies then,
    with ``Fault("final", accept_then("close"))``, has taken the email and said nothing at all.
    """

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Begin to hold back."""
        channel.group()
        await channel.send(honest)
        return True


@attrs.frozen
class Stray(Action):
    """Send a reply that nobody asked for before the honest one, which shifts all that follow.

    Attributes:
        text: The reply.
    """

    needs_reply = True
    text: str = "250 2.0.0 Ok"

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send both."""
        await channel.send(f"{self.text}\r\n".encode() + honest)
        return True


@attrs.frozen
class Omit(Action):
    """Do what was asked and go on without a reply, so that the next one comes in its place."""

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - says nothing
        """Send nothing."""
        return True


@attrs.frozen
class Deaf(Action):
    """Send the honest reply, and drop what came before it went out.

    So does a server that offers PIPELINING and cannot do it.
    """

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send it; the conversation drops the rest."""
        await channel.send(honest)
        return True


@attrs.frozen
class Unread(Action):
    """Reject a chunk in phase ``body``, and read its octets as commands.

    So does a server that offers CHUNKING and does not know BDAT, or a filter before it.

    Attributes:
        text: The rejection.
    """

    text: str = "502 5.5.1 Command not implemented"

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - none is due
        """Reject; the conversation reads on."""
        await channel.send(f"{self.text}\r\n".encode())
        return True


@attrs.frozen
class StopReading(Action):
    """Read no more of an email that is coming in, so that its end never leaves a client.

    Attributes:
        then: What follows: ``close``, ``reset``, ``silence`` or a reply.
    """

    then: Action = attrs.field(converter=named)

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - none is due
        """Do the other thing, and leave what comes in where it is."""
        if isinstance(self.then, Reset):
            channel.reset()
            return False
        if isinstance(self.then, Close):
            channel.end()
        elif isinstance(self.then, Say):
            await channel.send(f"{self.then.text}\r\n".encode())
        # Until the server is shut down.
        await asyncio.Event().wait()
        return False


__all__ = ["Deaf", "Group", "Omit", "StopReading", "Stray", "Unread"]
