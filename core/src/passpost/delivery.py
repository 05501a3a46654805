"""One attempt: a mail through one connector, and an honest account of what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread

from passpost.addresses import shortened
from passpost.compose import Composer, message_token
from passpost.config import secrets_in
from passpost.deadlines import Deadlines
from passpost.defects import describe_defect
from passpost.errors import Attempt, MailerClosedError, PasspostError, PluginError, SendError
from passpost.messages import Mail, MailSummary, Message, Receipt
from passpost.redaction import Redactor
from passpost.sessions import SessionHolder
from passpost.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passpost.config.base import MissingVariables
    from passpost.connector import Finding
    from passpost.host import Connector
    from passpost.templates import Template

log: Final = logging.getLogger("passpost")

GRACE: Final = 0.5
"""Seconds past the deadline before a connector that did not keep it is cancelled: a connector knows
whether anything was sent, and gets the chance to say so."""


class Channel:
    """One connector in use by a mailer: its session, and the attempts made through it.

    Args:
        connector: The configured connector.
        templates: The application's own templates.
        missing: What becomes of missing variables; None leaves it to the connector's settings.
    """

    def __init__(
        self,
        connector: Connector,
        templates: Sequence[Template] = (),
        missing: MissingVariables | None = None,
    ) -> None:
        self.connector = connector
        self._hooks = connector.hooks
        self._composer = Composer(connector, templates, missing)
        self._session = SessionHolder(lambda: self._hooks.open_session(connector.config))
        self._deadlines = Deadlines()
        self._redactor = Redactor(secrets_in(connector.config))
        self._watched = connector.extensions.watch_sends

    async def deliver(self, message: Message, deadline: dt.datetime) -> Receipt:
        """Make one attempt.

        Raises:
            MessageError: The message cannot become a mail.
            SendError: The mail was not accepted, or nobody knows.
        """
        mail = self._composer.compose(message, message_token(message), deadline)
        started = dt.datetime.now(dt.UTC)
        try:
            receipt = await (self._surrounded(mail) if self._watched else self._attempt(mail))
        except Exception as error:  # noqa: BLE001 - any plugin's any mistake
            failure = self._explained(error, mail, started)
        else:
            return self._accepted(receipt, mail, started)
        # Outside of the except block: no cause and no context keeps what the connector raised,
        # whose text and frames may hold the mail.
        raise failure

    @property
    def checkable(self) -> bool:
        """Whether the connector can be asked without sending a mail."""
        return self._hooks.checks_connection

    async def check(self) -> Sequence[Finding]:
        """Ask the connector whether it would work; no mail is sent.

        Raises:
            SendError: Its session cannot be opened.
            PluginError: The connector failed in a way that its contract does not allow.
        """
        try:
            self._require_filled_in()
            session = await self._session.get()
            return await self._hooks.check_connection(self.connector.config, session)
        except Exception as error:  # noqa: BLE001 - any plugin's any mistake
            failure = self._check_failed(error)
        # Outside of the except block, as in `deliver`.
        raise failure

    def _check_failed(self, error: Exception) -> PasspostError:
        if (known := _the_send_error(error)) is not None:
            return self._cleaned(known, self._redactor)
        distribution = self._hooks.distribution
        return PluginError(
            f"the check of {distribution} failed: {describe_defect(error)}",
            connector=self.connector.id,
            distribution=distribution,
        )

    async def close(self) -> None:
        """Close the session. What a connector raises then is logged: every mail has its answer."""
        try:
            await self._session.close()
        except Exception as error:  # noqa: BLE001 - any plugin's any mistake
            # No traceback: it could show what the connector holds.
            what = describe_defect(error)
            log.error("%s: closing failed: %s", self.connector.name, what)  # noqa: TRY400 - see above
        self._deadlines.close()

    async def _surrounded(self, mail: Mail) -> Receipt:
        surroundings = Surroundings()
        await surroundings.enter(self.connector.extensions, self._summary(mail))
        try:
            receipt = await self._attempt(mail)
        except BaseException as error:
            await surroundings.leave(error)
            raise
        await surroundings.leave(None)
        return receipt

    async def _attempt(self, mail: Mail) -> Receipt:
        left = mail.seconds_left()
        if not left:
            raise SendError(
                "the mail's deadline passed before it could be sent",
                outcome="rejected",
                scope="message",
            )
        self._require_filled_in()
        over = asyncio.get_running_loop().time() + left
        opened = self._session.get() if self._session.is_open else self._opened(over)
        session = await opened
        with self._deadlines.until(over + GRACE):
            return await self._asked(session, mail)

    async def _opened(self, over: float) -> Any:
        try:
            with self._deadlines.until(over):
                return await self._session.get()
        except TimeoutError:
            pass
        raise SendError(
            "the connector's session was not open before the deadline",
            outcome="rejected",
            scope="network",
            temporary=True,
        )

    def _require_filled_in(self) -> None:
        if not self.connector.placeholders:
            return
        names = ", ".join(problem.path for problem in self.connector.placeholders)
        raise SendError(
            f"settings still hold a placeholder: {names}",
            outcome="rejected",
            scope="account",
            hint="Replace each <placeholder> in the settings by a value of your own.",
        )

    async def _asked(self, session: Any, mail: Mail) -> Receipt:
        config = self.connector.config
        if self._hooks.sends_async:
            result: Any = self._hooks.send_mail(config, session, mail)
        else:
            result = await anyio.to_thread.run_sync(
                self._hooks.send_mail, config, session, mail, abandon_on_cancel=True
            )
        if self._hooks.sends_async or inspect.isawaitable(result):
            result = await result
        if not isinstance(result, Receipt):
            raise _Defect(f"send_mail returned {type(result).__name__} instead of a Receipt")
        return result

    def _summary(self, mail: Mail) -> MailSummary:
        return MailSummary(
            connector=self.connector.id,
            usage=mail.usage,
            locale=mail.locale,
            recipient=shortened(mail.to.address),
            recipient_domain=mail.to.domain,
            message_id=mail.message_id,
            attempt=1,
        )

    def _accepted(self, receipt: Receipt, mail: Mail, started: dt.datetime) -> Receipt:
        name, response = self.connector.name, receipt.response
        log.debug("%s accepted %s for %s", name, mail.message_id, _Shortened(mail))
        if response:
            response = self._redactor.with_payload(mail.payload).clean(response)
        return Receipt(
            provider_id=receipt.provider_id,
            response=response or None,
            connector=name,
            message_id=mail.message_id,
            attempts=(Attempt(name, started, "accepted", "accepted"),),
            accepted_at=receipt.accepted_at,
        )

    def _explained(self, error: BaseException, mail: Mail, started: dt.datetime) -> PasspostError:
        """Make the error that the application gets from whatever was raised."""
        if isinstance(error, MailerClosedError):
            return error
        failure = self._cleaned(error, self._redactor.with_payload(mail.payload))
        name, text = self.connector.name, str(failure)
        log.info("%s did not accept %s: %s", name, mail.message_id, text)
        failure.attempts = (Attempt(name, started, failure.outcome, text),)
        return failure

    def _cleaned(self, error: BaseException, redactor: Redactor) -> SendError:
        """Make a new error of the facts alone, cleared of what nobody may see."""
        facts = _facts(_the_send_error(error) or error, self._hooks.distribution)
        clean = redactor.clean
        return SendError(
            clean(facts.args[0]),
            outcome=facts.outcome,
            scope=facts.scope,
            temporary=facts.temporary,
            retry_after=facts.retry_after,
            provider_code=clean(facts.provider_code) if facts.provider_code else None,
            response=clean(facts.response) if facts.response else None,
            hint=facts.hint,
            connector=self.connector.name,
        )


class _Defect(Exception):  # noqa: N818 - never leaves this module
    """A connector broke its contract in a way that we can put into words."""


class _Shortened:
    """An address for a log record, shortened only if the record is written."""

    __slots__ = ("_mail",)

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def __str__(self) -> str:
        return shortened(self._mail.to.address)


def _the_send_error(error: BaseException) -> SendError | None:
    """Find the one SendError in the groups that a connector's task group wraps around it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, SendError) else None


def _facts(error: BaseException, distribution: str) -> SendError:
    """Give the facts of a failure; what is no SendError is the connector's defect."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, TimeoutError):
        return SendError(
            "the connector did not finish before the deadline",
            outcome="unknown",
            scope="provider",
            temporary=True,
        )
    what = str(error) if isinstance(error, _Defect) else describe_defect(error)
    log.error("the connector of %s is defective: %s", distribution, what)
    return SendError(
        f"the connector failed in a way that its contract does not allow: {what}",
        outcome="unknown",
        scope="provider",
        hint=f"This is a defect of {distribution}; please report it to its authors.",
    )
