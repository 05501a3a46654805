"""What all sends of a mailer share, and the way of each: limits, route, attempts, log record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from passpost._delivery.cooling import Cooling
from passpost._delivery.deadlines import Deadlines
from passpost._delivery.dispatch import Dispatch
from passpost._delivery.identity import SendIdentity
from passpost._delivery.lane import EmailLane, Outgoing
from passpost._delivery.notes import Notes
from passpost._delivery.once import Once
from passpost._delivery.places import Places
from passpost._delivery.records import Records
from passpost._delivery.sessions import CLOSING
from passpost._delivery.watched import Watched
from passpost._plugins.defects import describe_defect
from passpost._policy.clock import Clock, LoopClock
from passpost._policy.decision import Rules
from passpost._policy.health import ConnectorHealth, Health, Limits
from passpost._policy.routes import EVERY_USAGE, Routes, Weighted
from passpost._stores.rate import MemoryRateLimiter
from passpost.errors import PasspostError, SendError

if TYPE_CHECKING:
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._messages.identity import Identity
    from passpost._messages.messages import Message, Receipt
    from passpost._settings.policy import Policy
    from passpost._stores import Stores

log: Final = logging.getLogger("passpost")

_SMALLEST: Final = 0.1
"""The part of the timeout that an attempt needs at least to be worth its while."""


class Delivery:
    """The connectors of a mailer, and the policy that leads an email through them.

    Args:
        connectors: The connectors, in order of preference.
        policy: The delivery policy.
        stores: What sends have to remember beyond themselves.
        clock: The time.
    """

    def __init__(
        self,
        connectors: Sequence[ActiveConnector],
        policy: Policy,
        stores: Stores,
        clock: Clock | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock = clock or LoopClock()
        self._connectors = _by_name(connectors)
        limits = Limits(
            failures=policy.breaker.failures,
            recovery=policy.breaker.recovery,
            account_cooldown=policy.account_cooldown,
        )
        self._health = {name: Health(limits, clock) for name in self._connectors}
        self._routes = _routes(tuple(self._connectors), policy)
        self._records = Records(clock)
        self._deadlines = Deadlines()
        self._watched = Watched(self._connectors, policy.routes, self._deadlines)
        self._rules = Rules(
            attempts=policy.attempts,
            initial=policy.backoff.initial,
            longest=policy.backoff.max,
            least=min(1.0, policy.timeout * _SMALLEST),
            resend=policy.on_unknown == "resend",
        )
        self._stores = stores
        self._notes = notes = Notes()
        limiter = stores.rates or MemoryRateLimiter(clock)
        self._places = {
            name: Places(
                limiter,
                name,
                rate,
                stores.on_failure,
                clock=clock,
                deadlines=self._deadlines,
                notes=notes,
            )
            for name, rate in policy.rates.items()
        }
        self._cooling = Cooling(policy.recipient_cooldowns, stores, clock, self._deadlines, notes)
        self._cools = bool(policy.recipient_cooldowns)
        self._once = None
        if stores.idempotency is not None:
            self._once = Once(stores.idempotency, stores, clock, self._deadlines, notes)

    def health(self) -> Mapping[str, ConnectorHealth]:
        """Return how each connector does, by its name."""
        return {name: health.show() for name, health in self._health.items()}

    def send(
        self, message: Message, seconds: float, identity: Identity | None = None
    ) -> Awaitable[Receipt]:
        """Return the receipt of a message, once a provider has accepted the email.

        Args:
            message: What to send.
            seconds: How long everything may take, from waiting to the receipt.
            identity: Makes it the same email as that of another send.

        Raises:
            MessageError: The message cannot become an email.
            SendError: The email was not accepted, or nobody knows.
            PluginError: An extension's `find_template` is broken; nothing was sent.
        """
        began = self._clock.monotonic()
        if not self._watched.extensions:
            return self._send(message, seconds, began, identity)
        return self._watched.send(
            message,
            began + seconds,
            partial(self._send, message, seconds, began, identity),
            partial(self._records.failed, message, began),
        )

    async def _send(
        self, message: Message, seconds: float, began: float, identity: Identity | None
    ) -> Receipt:
        over = began + seconds
        send = self._send_cooled if self._cools else self._dispatch
        try:
            if self._once is not None and message.idempotency_key is not None:
                make = partial(send, message, seconds, over, identity)
                receipt = await self._once.send(message, over, make)
            else:
                receipt = await send(message, seconds, over, identity)
        except BaseException as error:
            self._records.failed(message, began, error)
            raise
        if len(receipt.attempts) > 1 or log.isEnabledFor(logging.INFO):
            self._records.accepted(message, began, receipt)
        return receipt

    async def count(self, message: Message) -> None:
        """Begin the cooldown of a message's recipient and usage; the message is not sent.

        Raises:
            Throttled: An earlier one lasts still.
            SendError: The store of the cooldowns failed.
        """
        await self._cooling.begin(message, self._clock.monotonic() + self._policy.timeout)

    async def close(self) -> None:
        """Wait for what still has to be noted of sends, and end what the stores have open."""
        await self._notes.wait_until_written()
        try:
            with self._deadlines.until(self._clock.monotonic() + CLOSING):
                await self._stores.aclose()
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises
            log.error("a store was not closed: %s", describe_defect(error))  # noqa: TRY400 - likewise
        self._deadlines.close()

    async def _send_cooled(
        self, message: Message, seconds: float, over: float, identity: Identity | None
    ) -> Receipt:
        cooled = self._cooling.begin_now(message) or await self._cooling.begin(message, over)
        try:
            return await self._dispatch(message, seconds, over, identity)
        except (PasspostError, asyncio.CancelledError) as error:
            await self._cooling.give_back_unsent(cooled, error)
            raise

    def _dispatch(
        self, message: Message, seconds: float, over: float, identity: Identity | None
    ) -> Awaitable[Receipt]:
        outgoing = Outgoing(message, SendIdentity.of(message, identity), over, seconds)
        lanes = [
            EmailLane(
                name, self._connectors[name], self._health[name], outgoing, self._places.get(name)
            )
            for name in self._routes.order(message.usage)
        ]
        return Dispatch(lanes, self._rules, self._clock, over, self._log_cooldown).run()

    def _log_cooldown(self, name: str, error: SendError) -> None:
        """Tell anyone who runs the system, once: every email avoids the connector from now on."""
        hint = f" ({error.hint})" if error.hint else ""
        log.error("%s rejected the account, and is asked last for a while: %s%s", name, error, hint)


def _by_name(connectors: Sequence[ActiveConnector]) -> dict[str, ActiveConnector]:
    """Return the connectors by name; a name that comes again is numbered."""
    named: dict[str, ActiveConnector] = {}
    for active in connectors:
        name, number = active.connector.name, 2
        while name in named:
            name, number = f"{active.connector.name} ({number})", number + 1
        named[name] = active
    return named


def _routes(names: tuple[str, ...], policy: Policy) -> Routes:
    def weighted(route: Sequence[str]) -> list[Weighted]:
        return [Weighted(name, policy.weights.get(name, 0)) for name in route]

    routes = {usage: weighted(route) for usage, route in policy.routes.items()}
    return Routes({EVERY_USAGE: weighted(names)} | routes)
