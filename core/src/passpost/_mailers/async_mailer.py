"""What an application holds: one or more configured connectors, and the delivery policy."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from passpost._connector_info import Finding
from passpost._delivery.active_connector import ActiveConnector
from passpost._delivery.check import check
from passpost._delivery.delivery import Delivery
from passpost._frames import without_arguments
from passpost._host.application import FromSettings, check_arguments
from passpost._mailers.many import LIMIT, Many, Sent, results_of, results_of_stream, sent_by
from passpost._messages.messages import Message, Receipt
from passpost._messages.usages import GENERIC
from passpost._phrases import _
from passpost._policy.health import ConnectorHealth
from passpost._problems import Problem
from passpost._settings.policy import Policy
from passpost._stores import Stores
from passpost.errors import ConfigError, MailerClosedError

if TYPE_CHECKING:
    from passpost._host.connector import Connector
    from passpost._messages.identity import Identity
    from passpost._settings.connector_config import MissingVariables
    from passpost._templates.template import Template

DRAINING: Final = 5.0
"""Seconds past the policy's timeout that closing waits for sends that ignore their deadline."""


class AsyncMailer(FromSettings):
    """Sends messages through configured connectors, on asyncio.

    Sessions open with the first email, and all sends share them; closing waits for the sends under
    way. One mailer serves one event loop::

        async with passpost.AsyncMailer(smtp) as mailer:
            await mailer.send(passpost.Message(to="ada@example.com", usage="SignIn", …))

    Args:
        connectors: The connectors, at least one, in order of preference.
        policy: How an email goes through them; see `Policy`.
        templates: The application's own templates; they come before the connectors' own.
        missing_variables: What to do about variables that the payload lacks: ``error``, ``keep`` or
            ``blank``; None leaves it to each connector's settings.
        stores: What sends have to remember beyond themselves; see `passpost.stores.Stores`.

    Raises:
        ConfigError: No connector is given, one has no template to send with, or the policy names
            another.
        TypeError: An argument has the wrong type.
    """

    @without_arguments
    def __init__(
        self,
        *connectors: Connector,
        policy: Policy | None = None,
        templates: Sequence[Template] = (),
        missing_variables: MissingVariables | None = None,
        stores: Stores | None = None,
    ) -> None:
        check_arguments(connectors, templates, policy, stores)
        if not connectors:
            message = _("a mailer needs at least one connector")
            raise ConfigError([Problem("connectors", message, _("add at least one"), code="E105")])
        if not templates:
            _require_some_template(connectors)
        policy = policy or Policy()
        if unknown := tuple(policy.unknown_connectors([each.name for each in connectors])):
            raise ConfigError(unknown)
        self._timeout = policy.timeout
        self._active = tuple(
            ActiveConnector(connector, templates, missing_variables) for connector in connectors
        )
        self._delivery = Delivery(self._active, policy, stores or Stores())
        self._under_way = 0
        self._idle: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def connectors(self) -> tuple[Connector, ...]:
        """The connectors in the order given."""
        return tuple(active.connector for active in self._active)

    async def send(self, message: Message, *, identity: Identity | None = None) -> Receipt:
        """Send one message, and return once a provider has accepted the email.

        Args:
            message: The message.
            identity: Makes it the same email as that of another send; see `Identity`.

        Raises:
            MessageError: The message cannot become an email; nothing was sent.
            SendError: The email was rejected, or its outcome is unknown.
            MailerClosedError: The mailer was closed before; nothing was sent.
            TypeError: Something else than a `Message` was given; nothing was sent.
        """
        self._enter()
        try:
            return await self._delivery.send(message, self._seconds(message), identity)
        finally:
            self._leave()

    async def send_many(
        self, messages: Iterable[Message] | AsyncIterable[Message], *, limit: int = LIMIT
    ) -> AsyncGenerator[Sent, None]:
        """Send many messages, and yield what became of each, in the order in which they end.

        No more messages are taken from the input than are sent at a time, so it may be endless. If
        the input raises an exception, no more is taken; the exception comes after the results of
        the messages before it. A caller that stops early waits for the sends under way when it
        closes the iterator::

            async with contextlib.aclosing(mailer.send_many(messages)) as results:
                async for sent in results:
                    ...

        Args:
            messages: The messages. A plain iterable is read in the event loop, so it must not wait.
            limit: How many are sent at a time.

        Raises:
            MailerClosedError: The mailer was closed; what is under way ends before.
            TypeError: Something else than a `Message` is among them; what is under way ends before.
            ValueError: The limit is not a whole number of at least 1.
        """
        many = Many(partial(sent_by, self.send), limit)
        if isinstance(messages, AsyncIterable):
            results = results_of_stream(many, aiter(messages))
        else:
            results = results_of(many, iter(messages))
        async with aclosing(results):
            async for sent in results:
                yield sent

    def health(self) -> Mapping[str, ConnectorHealth]:
        """Return how each connector does, by its name."""
        return self._delivery.health()

    async def count(self, recipient: str, usage: str) -> None:
        """Count an email that is not sent, so that a limit tells nobody who is registered.

        Args:
            recipient: The address that the email would have gone to.
            usage: What it would have been for.

        Raises:
            Throttled: The recipient got one, or was counted, a moment ago.
            MailerClosedError: The mailer was closed before.
        """
        self._enter()
        try:
            await self._delivery.count(Message(to=recipient, usage=usage))
        finally:
            self._leave()

    async def check(self, recipient: str | None = None) -> dict[str, Sequence[Finding]]:
        """Check the connections of all connectors that can do so; no email is sent.

        All of it takes no longer than the policy's timeout.

        Args:
            recipient: Whether emails to this address would be accepted, where a provider can be
                asked without sending one.

        Returns:
            Findings by the connector's name, in the order given.

        Raises:
            MessageError: The recipient is not an email address.
            SendError: A session cannot be opened, or a connector did not answer in time.
            PluginError: A connector failed in a way that its contract does not allow.
            MailerClosedError: The mailer was closed before.
        """
        to = None if recipient is None else Message(recipient, GENERIC).to
        self._enter()
        over = asyncio.get_running_loop().time() + self._timeout
        try:
            return {
                active.connector.name: await check(active, over, to)
                for active in self._active
                if active.connector.hooks.checks_connection
            }
        finally:
            self._leave()

    async def aclose(self) -> None:
        """Wait for the sends under way, then close all sessions.

        Closing is one act, however often and from wherever it is called: each caller waits until
        it is done. A caller that is cancelled stays cancelled, and the closing goes on.
        """
        self._closed = True
        if self._loop is not None and self._loop is not asyncio.get_running_loop():
            # Its tasks ended with their loop; there is nothing left to close.
            if self._loop.is_closed():
                return
            raise RuntimeError("this mailer belongs to another event loop: close it there")
        # Cancelled is what the event loop did that ended while the mailer was closing.
        if self._closing is None or self._closing.cancelled():
            self._closing = asyncio.create_task(self._close(), name="passpost closing")
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        self._bind()
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        names = ", ".join(connector.name for connector in self.connectors)
        return f"<{type(self).__name__}: {names}>"

    async def _close(self) -> None:
        if self._under_way:
            self._idle = asyncio.Event()
            with suppress(TimeoutError):
                # A send that outlives its deadline by this much ignores its cancellation.
                await asyncio.wait_for(self._idle.wait(), self._timeout + DRAINING)
        await self._delivery.close()
        await asyncio.gather(*(active.close() for active in self._active))

    def _seconds(self, message: Message) -> float:
        """Return how long a send may take: what the policy allows, or the message's own deadline.

        The wall clock is read once, here: whatever it does later, the seconds stay what they are.
        """
        if not isinstance(message, Message):
            raise TypeError(
                f"send requires a passpost.Message, not a value of type {type(message).__name__}: "
                'write Message(to="ada@example.com", usage="SignIn", payload={"code": …})'
            )
        if message.deadline is None:
            return self._timeout
        left = (message.deadline - dt.datetime.now(dt.UTC)).total_seconds()
        return min(self._timeout, left)

    def _enter(self) -> None:
        self._bind()
        self._under_way += 1

    def _leave(self) -> None:
        self._under_way -= 1
        if self._idle is not None and not self._under_way:
            self._idle.set()

    def _bind(self) -> None:
        """Reject a closed mailer, and one whose sessions live on another event loop."""
        if self._closed:
            raise MailerClosedError(_("the mailer is closed"))
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            for active in self._active:
                active.loop = loop
        elif self._loop is not loop:
            raise RuntimeError(
                "this mailer belongs to another event loop: make one for each loop, or use "
                "passpost.Mailer, which serves all threads"
            )


def _require_some_template(connectors: Sequence[Connector]) -> None:
    """Reject a connector that has no template at all."""
    problems = [
        problem for connector in connectors if (problem := connector.lacks_templates()) is not None
    ]
    if problems:
        raise ConfigError(problems)
