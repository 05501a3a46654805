"""One connector for one email: the email is rendered once, and attempted as often as need be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

import attrs

from passpost._delivery.attempt import SendAttempt
from passpost._delivery.deadlines import DeadlinePassedError, deadline_error
from passpost._delivery.identity import SendIdentity
from passpost._messages.messages import Message
from passpost._phrases import _
from passpost.errors import Attempt, PasspostError, SendError

if TYPE_CHECKING:
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._delivery.places import Places, Taken
    from passpost._messages.messages import Mail, Receipt
    from passpost._policy.health import Health
    from passpost._templates.template import Template


@attrs.define(eq=False)
class Outgoing:
    """What the lanes of one send have in common.

    Attributes:
        message: What to send.
        identity: What the emails of all connectors have in common.
        over: The deadline, in the loop's time.
        seconds: How long the send may take from its beginning.
    """

    message: Message
    identity: SendIdentity
    over: float
    seconds: float


class EmailLane:
    """One connector for one email; what it gets is the same at each attempt, to the last byte.

    Args:
        name: Its name within the mailer.
        active: The connector.
        health: Whether it may be asked now.
        outgoing: What to send.
        rate: Has the places of the connector's rate; None where it has no limit.

    Attributes:
        has_rate: Whether a place has to be taken before an attempt.
    """

    __slots__ = (
        "_attempt", "_mail", "_outgoing", "_place", "_rate", "active", "has_rate", "health", "name",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        active: ActiveConnector,
        health: Health,
        outgoing: Outgoing,
        rate: Places | None = None,
    ) -> None:
        self.name = name
        self.active = active
        self.health = health
        self.has_rate = rate is not None
        self._outgoing = outgoing
        self._rate = rate
        self._place: Taken | None = None
        self._mail: Mail | None = None
        self._attempt: SendAttempt | None = None

    @property
    def recognizes_repetitions(self) -> bool:
        """Whether the provider sends an email once, however often it is asked, for a while yet."""
        outgoing = self._outgoing
        age = asyncio.get_running_loop().time() - outgoing.over + outgoing.seconds
        earlier = (outgoing.identity.started - outgoing.identity.date).total_seconds()
        return age + max(0.0, earlier) < self.active.repeatable_for

    def takes_now(self) -> bool:
        """Take a place of the connector's rate, if nothing has to be awaited."""
        self._place = None if self._rate is None else self._rate.take_now()
        return self._place is not None

    async def take(self) -> float:
        """Take a place of the connector's rate; see `RateLimiter.take`.

        Raises:
            SendError: The limiter failed, or did not answer before the deadline.
        """
        if self._rate is None:
            return 0.0
        try:
            with self.active.deadlines.until(self._outgoing.over):
                wait, place = await self._rate.take()
        except DeadlinePassedError:
            raise deadline_error(_("the rate limiter answered"), "provider") from None
        if not wait:
            self._place = place
        return wait

    def give_back(self) -> None:
        """Return the place, if one was taken and not given back before."""
        if self._place is not None and self._rate is not None:
            self._rate.give_back(self._place)
            self._place = None

    def attempt(self, number: int, patience: float | None) -> Awaitable[Receipt | PasspostError]:
        """Make one attempt, and return what it came to; see `Lane.attempt`."""
        self._attempt = None
        begin_by = None if patience is None else time.monotonic() + patience
        if self._mail is not None:
            return self._begin(number, attrs.evolve(self._mail, begin_by=begin_by))
        if self.active.composer.asks:
            return self._ask_and_attempt(number, begin_by)
        try:
            mail = self._compose(None, begin_by)
        except PasspostError as error:
            return _return(error)
        return self._begin(number, mail)

    @property
    def asked(self) -> bool:
        """Whether the last attempt got as far as the connector: else it is nobody's fault."""
        return self._attempt is not None and self._attempt.asked

    @property
    def may_have_left(self) -> bool:
        """Whether the last attempt may have sent the email, once it is over."""
        return self._attempt is not None and self._attempt.may_have_left

    @property
    def was_reached(self) -> bool:
        """Whether the provider may know of the last attempt: it counts against its rate."""
        return self._attempt is not None and self._attempt.was_reached

    async def _ask_and_attempt(
        self, number: int, begin_by: float | None
    ) -> Receipt | PasspostError:
        try:
            mail = self._compose(await self._find_template(), begin_by)
        except PasspostError as error:
            return error
        return await self._begin(number, mail)

    def _compose(self, template: Template | None, begin_by: float | None) -> Mail:
        email = self._outgoing
        compose = self.active.composer.compose
        self._mail = compose(email.message, email.identity, email.seconds, template, begin_by)
        return self._mail

    # Not a coroutine: an email that waits for its server is resumed through each that there is.
    def _begin(self, number: int, mail: Mail) -> Awaitable[Receipt | PasspostError]:
        over, context = self._outgoing.over, self._outgoing.message.context
        self._attempt = SendAttempt(self.active, mail, over, number=number, context=context)
        running = self._attempt.run()
        return running if self.name == self.active.connector.name else self._rename(running)

    async def _rename(self, running: Awaitable[Receipt | PasspostError]) -> Receipt | PasspostError:
        """Return a result under the name that tells two connectors of one name apart."""
        result = await running
        if not isinstance(result, SendError):
            if isinstance(result, PasspostError):
                return result
            attempts = self._tell_apart(result.attempts)
            return attrs.evolve(result, connector=self.name, attempts=attempts)
        result.connector, result.attempts = self.name, self._tell_apart(result.attempts)
        return result

    def _tell_apart(self, attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
        return tuple(attrs.evolve(attempt, connector=self.name) for attempt in attempts)

    async def _find_template(self) -> Template:
        try:
            with self.active.deadlines.until(self._outgoing.over):
                return await self.active.composer.ask(self._outgoing.message)
        except DeadlinePassedError:
            rejection = deadline_error(_("the extensions had looked for a template"), "provider")
        except SendError as error:
            rejection = error
        # Outside of the except block, and cleared: an extension may quote the message.
        raise self.active.reports.failure(rejection, self._outgoing.message, sent=False)


async def _return(error: PasspostError) -> PasspostError:
    return error
