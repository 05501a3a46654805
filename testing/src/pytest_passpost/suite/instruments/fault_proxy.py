"""A TCP proxy between a connector and the stand-in, on which connections go wrong.

It works for any protocol, since it knows one thing that no connector can: whether the provider has
taken the email. What breaks after that moment has an unknown outcome, whatever was said before.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Literal

import attrs

from pytest_passpost.servers.actions import Action, ActionName, Drip, Hold, Repeat, named
from pytest_passpost.servers.channel import Channel
from pytest_passpost.servers.listener import HOST, Listener

if TYPE_CHECKING:
    from collections.abc import Callable

Moment = Literal["connect", "answer", "taken"] | int
"""When something goes wrong: once a client has connected; in place of all that the provider says;
in place of what it says once it has taken an email; or after so many octets of the client."""


@attrs.frozen
class Half(Action):
    """Pass on the first half of what the provider says, then break off with FIN."""

    async def run(self, channel: Channel, honest: bytes) -> bool:
        """Send the half."""
        await channel.send(honest[: len(honest) // 2])
        await channel.close()
        return False


@attrs.frozen
class Break:
    """One thing that goes wrong on every connection.

    Args:
        moment: When.
        action: What happens then: an action, or its name.
    """

    moment: Moment
    action: Action = attrs.field(converter=named)


class _Struck(Exception):  # noqa: N818 - it is not an error, and does not leave this module
    """What passes octets on has met the moment of the break."""

    def __init__(self, action: Action, honest: bytes) -> None:
        super().__init__()
        self.action = action
        self.honest = honest


class FaultProxy(Listener):
    """A proxy on 127.0.0.1 that passes everything on, until it is told to break.

    Args:
        port: The port on 127.0.0.1 to pass everything on to.
        taken: How many emails the provider has taken so far; asked from the proxy's thread.
        context: What TLS towards the client needs; None: what comes is passed on as it is.
    """

    def __init__(
        self, port: int, taken: Callable[[], int], context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__()
        self._target = (HOST, port)
        self._taken = taken
        self._context = context
        self._break: Break | None = None
        self._taken_before = 0
        self._from_client = 0
        self.struck = threading.Event()
        """Set once the break has been met."""

    @property
    def octets(self) -> int:
        """Octets that clients sent so far, TLS of the proxy's own taken off."""
        with self._changed:
            return self._from_client

    def break_at(self, moment: Moment, action: Action | ActionName) -> None:
        """Break every connection at this moment from here on."""
        with self._changed:
            self._taken_before = self._taken()
            self.struck.clear()
            self._break = Break(moment, action)

    def heal(self) -> None:
        """Break no more."""
        with self._changed:
            self._break = None

    async def _serve(self, channel: Channel, number: int) -> None:  # noqa: ARG002 - all alike
        if (action := self._due("connect")) is not None:
            goes_on = await action.run(channel, b"")
            if not (goes_on and action.accepts(b"")):
                await channel.close()
                return
        if not await self._secured(channel):
            return
        with socket.socket() as sock:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            await asyncio.get_running_loop().sock_connect(sock, self._target)
            target = Channel(sock)
            await self._pass_on(channel, target)

    async def _secured(self, channel: Channel) -> bool:
        if self._context is None:
            return True
        try:
            await channel.start_tls(self._context)
        except ssl.SSLError:
            await channel.close()
            return False
        return True

    async def _pass_on(self, client: Channel, target: Channel) -> None:
        struck: _Struck | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._up(client, target))
                tasks.create_task(self._down(client, target))
        except* _Struck as group:
            struck = next(error for error in group.exceptions if isinstance(error, _Struck))
        except* OSError:
            client.reset()
        # Outside of the group: what reads from the client for it must have ended.
        if struck is not None and await struck.action.run(client, struck.honest):
            await client.close()

    async def _up(self, client: Channel, target: Channel) -> None:
        sent = 0
        while octets := await client.receive():
            with self._changed:
                self._from_client += len(octets)
            limit = self._octets_until_break()
            if limit is not None and sent + len(octets) > limit:
                await target.send(octets[: max(0, limit - sent)])
                raise self._strikes(b"")
            sent += len(octets)
            await target.send(octets)
        target.end()

    async def _down(self, client: Channel, target: Channel) -> None:
        while octets := await target.receive():
            action = self._due("answer") or self._due("taken")
            if action is None:
                await client.send(octets)
            elif isinstance(action, Drip | Hold | Repeat):
                # These go on, so the client's octets go on being passed.
                await action.run(client, octets)
            else:
                raise _Struck(action, octets)
        client.end()

    def _due(self, moment: Moment) -> Action | None:
        with self._changed:
            due = self._break
            if due is None or due.moment != moment:
                return None
            if moment == "taken" and self._taken() <= self._taken_before:
                return None
            self.struck.set()
            return due.action

    def _octets_until_break(self) -> int | None:
        with self._changed:
            moment = self._break.moment if self._break else None
            return moment if isinstance(moment, int) else None

    def _strikes(self, honest: bytes) -> _Struck:
        with self._changed:
            if self._break is None:
                raise AssertionError("healed in the middle of a break")
            self.struck.set()
            return _Struck(self._break.action, honest)
