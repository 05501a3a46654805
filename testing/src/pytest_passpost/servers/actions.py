"""What a server does when a fault strikes."""

from __future__ import annotations

import abc
import asyncio
import threading
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import attrs

if TYPE_CHECKING:
    from pytest_passpost.servers.channel import Channel

ActionName = Literal[
    "close", "reset", "silence", "drip", "garbage", "long-line", "endless", "split", "repeat"
]  # fmt: skip
"""The actions that need no argument, by name."""


class Action(abc.ABC):
    """Something other than the honest reply.

    An action of one's own is a subclass.

    Attributes:
        needs_reply: Whether it does something to the honest reply, and so needs one.
    """

    needs_reply: ClassVar[bool] = False

    def accepts(self, honest: bytes) -> bool:  # noqa: ARG002 - subclasses look at it
        """Whether what the client asked for is done nonetheless.

        Args:
            honest: The reply that is due; empty where none is.
        """
        return self.needs_reply

    @abc.abstractmethod
    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Do it.

        Returns:
            Whether the conversation goes on.
        """


@attrs.frozen
class Close(Action):
    """End the connection with FIN, as a server does that is shut down."""

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - says nothing
        """Close, and read on until the client has closed too."""
        await channel.close()
        return False


@attrs.frozen
class Reset(Action):
    """Break the connection with RST."""

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - says nothing
        """Break off."""
        channel.reset()
        return False


@attrs.frozen
class Silence(Action):
    """Send nothing more, and read on until the client hangs up."""

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - says nothing
        """Fall silent."""
        await channel.drain()
        return False


@attrs.frozen
class Say(Action):
    """Send a reply of one's own in place of the honest one.

    A reply of the same class as the honest one (its first digit) does what the honest one does. One
    with code 421 closes the connection, and so does any where no reply was due.
    """

    text: str

    def accepts(self, honest: bytes) -> bool:
        """Whether it is of the same class as the honest reply."""
        return self.text[:1].encode() == honest[:1]

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send it, line by line as it is."""
        await channel.send("".join(f"{line}\r\n" for line in self.text.split("\n")).encode())
        if honest and not self.text.startswith("421"):
            return True
        await channel.close()
        return False


@attrs.frozen
class Drip(Action):
    """Send the honest reply octet by octet, so slowly that only a deadline helps.

    Attributes:
        interval: Seconds between two octets.
    """

    needs_reply = True
    interval: float = 1.0

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Let it drip."""
        for octet in honest:
            await channel.send(bytes((octet,)))
            await asyncio.sleep(self.interval)
        return True


@attrs.frozen
class Split(Action):
    """Send the honest reply octet by octet, with just time enough between for each to arrive."""

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send it in pieces."""
        return await Drip(0.001).run(channel, honest)


@attrs.frozen
class Garbage(Action):
    """Send octets that mean nothing in place of the reply."""

    octets: bytes = attrs.field(default=b"\x00\xff\x16\x03!\r\n\xfe\r\n", repr=False)

    async def run(self, channel: Channel, honest: bytes) -> bool:  # noqa: ARG002 - replaces it
        """Send them."""
        await channel.send(self.octets)
        return True


@attrs.frozen
class LongLine(Action):
    """Send the honest reply as one line beyond all limits.

    Attributes:
        length: Octets in the line.
    """

    needs_reply = True
    length: int = 1_000_000

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send it."""
        await channel.send(honest[:3] + b" " + b"x" * self.length + b"\r\n")
        return True


@attrs.frozen
class Endless(Action):
    """Begin a reply of many lines and never end it.

    Attributes:
        limit: Lines after which it falls silent; None: when the client hangs up.
    """

    limit: int | None = None

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send lines until the client has had enough."""
        lines = ((honest[:3] or b"250") + b"-and there is more\r\n") * 100
        sent = 0
        while self.limit is None or sent < self.limit:
            await channel.send(lines)
            sent += 100
            await asyncio.sleep(0)
        await channel.drain()
        return False


@attrs.frozen
class Inject(Action):
    """Send the honest reply with more octets behind it in the same packet.

    After the 220 of STARTTLS they are what an attacker puts there to have them read as if they had
    come under TLS (CVE-2021-38371 and its kind).
    """

    needs_reply = True
    octets: bytes

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send both."""
        await channel.send(honest + self.octets)
        return True


@attrs.frozen
class Repeat(Action):
    """Send the honest reply twice in one write, as a gateway does that repeats a response.

    The second one must not be read as the reply to whatever the client says next.
    """

    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send both."""
        await channel.send(honest + honest)
        return True


@attrs.frozen
class AcceptThen(Action):
    """Do what was asked, and then something other than saying so."""

    then: Action

    def accepts(self, honest: bytes) -> bool:  # noqa: ARG002 - whatever is due
        """Always."""
        return True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Do the other thing."""
        return await self.then.run(channel, honest)


@attrs.frozen(eq=False)
class Hold(Action):
    """Keep the honest reply back, or where none is due all that follows, until the test lets it go.

    It replaces every delay in a test: nothing has to sleep.
    """

    reached: threading.Event = attrs.field(factory=threading.Event, init=False, repr=False)
    """Set once a client waits for the reply."""
    _waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = attrs.field(
        factory=list, init=False, repr=False
    )
    _free: threading.Event = attrs.field(factory=threading.Event, init=False, repr=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def release(self) -> None:
        """Let every reply go that is held, and hold no more; from any thread."""
        with self._lock:
            self._free.set()
            for loop, event in self._waiting:
                loop.call_soon_threadsafe(event.set)

    def accepts(self, honest: bytes) -> bool:  # noqa: ARG002 - whatever is due
        """Always, if late."""
        return True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Wait to be released, then reply."""
        await self._released()
        if honest:
            await channel.send(honest)
        return True

    async def _released(self) -> None:
        event = asyncio.Event()
        waiting = (asyncio.get_running_loop(), event)
        with self._lock:
            if self._free.is_set():
                event.set()
            self._waiting.append(waiting)
        self.reached.set()
        try:
            await event.wait()
        finally:
            with self._lock:
                self._waiting.remove(waiting)


def reply(text: str) -> Say:
    r"""Send this in place of the honest reply: ``451 4.7.1 Later``, with ``\n`` between lines."""
    return Say(text)


def accept_then(action: Action | ActionName) -> AcceptThen:
    """Do what was asked (take the email), and then not say so but do this."""
    return AcceptThen(named(action))


_BY_NAME: Final[dict[str, type[Action]]] = {
    "close": Close, "reset": Reset, "silence": Silence, "drip": Drip, "garbage": Garbage,
    "long-line": LongLine, "endless": Endless, "split": Split,
    "repeat": Repeat,
}  # fmt: skip


def named(action: Action | ActionName) -> Action:
    """Return an action by its name; an action stays as it is.

    Raises:
        ValueError: There is no action of that name.
    """
    if isinstance(action, Action):
        return action
    if action not in _BY_NAME:
        raise ValueError(f"there is no action {action!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[action]()


__all__ = [
    "AcceptThen",
    "Action",
    "ActionName",
    "Close",
    "Drip",
    "Endless",
    "Garbage",
    "Hold",
    "Inject",
    "LongLine",
    "Repeat",
    "Reset",
    "Say",
    "Silence",
    "Split",
    "accept_then",
    "named",
    "reply",
]  # fmt: skip
