"""One attempt: an email through one connector, and an honest account of what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._config.walk import secrets_in
from passpost._delivery.compose import Composer, message_token
from passpost._delivery.deadlines import DeadlinePassedError, Deadlines
from passpost._delivery.sessions import NOT_OPEN, SessionHolder
from passpost._delivery.surroundings import Surroundings
from passpost._delivery.threads import ThreadCall, Threads
from passpost._genuine import is_really, type_name
from passpost._messages.addresses import shortened
from passpost._messages.messages import Mail, MailSummary, Message, Receipt
from passpost._network.reachable import reaching
from passpost._plugins.defects import describe_defect
from passpost._plugins.interruptions import Interruptions, renewed
from passpost._plugins.reports import Defect, Reports, send_error_in
from passpost.errors import Attempt, MailerClosedError, PasspostError, PluginError, SendError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from passpost._connector_info import Finding
    from passpost._host.host import Connector
    from passpost._settings.connector_config import MissingVariables
    from passpost._templates.template import Template
    from passpost.errors import Scope

log: Final = logging.getLogger("passpost")

GRACE: Final = 0.5
"""Seconds past the deadline before a hook that did not keep it is cancelled: a connector knows
whether anything was sent, and gets the chance to say so."""


@attrs.define(eq=False)
class _Try:
    """One attempt under way.

    Attributes:
        mail: The email.
        over: The deadline, in the loop's time.
        context: What the application told extensions.
        started: When it began, in UTC.
        called: Whether `send_mail` was called: from then on, something may have been sent.
    """

    mail: Mail
    over: float
    context: Mapping[str, Any] = attrs.field(repr=False)
    started: dt.datetime = attrs.field(factory=lambda: dt.datetime.now(dt.UTC))
    called: bool = False

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return asyncio.get_running_loop().time() >= self.over


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
        self._hooks = hooks = connector.hooks
        self._composer = Composer(connector, templates, missing)
        secrets = secrets_in(connector.config)
        self._reports = reports = Reports(connector.name, hooks.distribution, secrets)
        self._session = SessionHolder(
            self._open_session,
            lambda error: reports.failure(error, sent=False),
            self._session_ended,
        )
        self._threads = Threads()
        self._deadlines = Deadlines()
        self._watched = bool(connector.extensions.watchers)

    async def deliver(self, message: Message, seconds: float) -> Receipt:
        """Make one attempt.

        Args:
            message: What to send.
            seconds: How long everything may take, from waiting to the receipt.

        Raises:
            MessageError: The message cannot become an email.
            SendError: The email was not accepted, or nobody knows.
            PluginError: An extension's `find_template` is broken; nothing was sent.
        """
        over = asyncio.get_running_loop().time() + seconds
        template = None
        if self._composer.asks:
            template = await self._template(message, over)
            seconds = over - asyncio.get_running_loop().time()
        mail = self._composer.compose(message, message_token(message), seconds, template)
        send = self._surrounded if self._watched else self._sent
        with reaching(internal=self.connector.internal_addresses):
            result = await send(_Try(mail, over, message.context))
        if not isinstance(result, Receipt):
            raise result
        return result

    async def _template(self, message: Message, over: float) -> Template:
        try:
            with self._deadlines.until(over):
                return await self._composer.ask(message)
        except DeadlinePassedError:
            refusal = _overdue("the extensions had looked for a template", "provider")
        except SendError as error:
            refusal = error
        # Outside of the except block, and cleared: an extension may quote the message.
        raise self._reports.failure(refusal, message, sent=False)

    @property
    def checkable(self) -> bool:
        """Whether the connector can be asked without sending an email."""
        return self._hooks.checks_connection

    async def check(self, over: float) -> Sequence[Finding]:
        """Ask the connector whether it would work; no email is sent.

        Args:
            over: When to give up, in the loop's time.

        Raises:
            SendError: Its session cannot be opened, or it did not answer in time.
            PluginError: The connector failed in a way that its contract does not allow.
        """
        interruptions = Interruptions()
        try:
            with self._deadlines.until(over), reaching(internal=self.connector.internal_addresses):
                return await self._checked()
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            failure: BaseException
            if interruptions.include(error):
                failure = renewed(error, self._reports.cleaner())
            else:
                failure = self._check_failed(error)
        # Outside of the except block, as in `_sent`.
        raise failure

    async def close(self) -> None:
        """Close the session. What a connector raises then is logged: every email has its result."""
        if not await self._session.close():
            log.error("%s: the session does not end, and was left alone", self.connector.name)
        self._deadlines.close()

    def _open_session(self) -> AbstractAsyncContextManager[Any]:
        config, register_secret = self.connector.config, self._reports.register_secret
        context: Any = self._hooks.open_session(config, register_secret)
        if isinstance(context, AbstractAsyncContextManager):
            return context
        if inspect.iscoroutine(context):
            context.close()
        raise Defect(
            f"open_session returned {type_name(context)} instead of an async context manager: "
            "decorate an async generator with @contextlib.asynccontextmanager"
        )

    async def _surrounded(self, attempt: _Try) -> Receipt | PasspostError:
        surroundings = Surroundings()
        summary = self._summary(attempt)
        refusal: SendError
        try:
            with self._deadlines.until(attempt.over):
                await surroundings.enter(self.connector.extensions, summary)
        except DeadlinePassedError:
            refusal = _overdue(f"{surroundings.at} allowed it", "provider")
        except SendError as error:
            refusal = error
        else:
            return await self._sent_within(surroundings, attempt)
        return self._failed(refusal, attempt)

    async def _sent_within(
        self, surroundings: Surroundings, attempt: _Try
    ) -> Receipt | PasspostError:
        try:
            result = await self._sent(attempt)
        except BaseException as error:
            await self._left(surroundings, error, attempt)
            raise
        # An extension gets the error as the application does: it may keep what it sees.
        await self._left(surroundings, None if isinstance(result, Receipt) else result, attempt)
        return result

    async def _left(
        self, surroundings: Surroundings, error: BaseException | None, attempt: _Try
    ) -> None:
        now = asyncio.get_running_loop().time()
        try:
            with self._deadlines.until(max(now, attempt.over) + GRACE):
                await surroundings.leave(error)
        except DeadlinePassedError:
            # No traceback: it could show the email.
            log.error("%s did not end in time after an attempt", surroundings.at)  # noqa: TRY400

    async def _sent(self, attempt: _Try) -> Receipt | PasspostError:
        """Ask the connector, and return what came of it, checked and cleared."""
        interruptions = Interruptions()
        try:
            receipt = await self._asked(attempt)
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            if not interruptions.include(error):
                return self._failed(error, attempt)
            interruption = renewed(error, self._reports.cleaner(attempt.mail))
        else:
            return self._accepted(receipt, attempt)
        # Made anew outside of the except block: the frames of the connector, which may hold the
        # email and the key, do not stay with the cancellation that the application gets.
        raise interruption

    async def _asked(self, attempt: _Try) -> Receipt:
        session = await self._ready(attempt)
        config, mail = self.connector.config, attempt.mail
        if self._hooks.sends_async:
            attempt.called = True
            with self._deadlines.until(attempt.over + GRACE):
                result: Any = await self._hooks.send_mail(config, session, mail)  # type: ignore[misc]  # sends_async says that it is awaitable
        else:
            result = await self._asked_in_thread(attempt)
        if not is_really(result, Receipt):
            raise Defect(f"send_mail returned {type_name(result)} instead of a Receipt")
        return result

    async def _asked_in_thread(self, attempt: _Try) -> Any:
        call = await self._threads_place(attempt)
        try:
            # Looked at again: the session may have died while the email waited for its thread.
            session = await self._ready(attempt)
        except BaseException:
            call.withdraw()
            raise
        attempt.called = True
        with self._deadlines.until(attempt.over + GRACE):
            try:
                hook, config = self._hooks.send_mail, self.connector.config
                result = await call.run(hook, config, session, attempt.mail)
                return await result if inspect.isawaitable(result) else result
            finally:
                attempt.called = not call.withdrawn

    async def _ready(self, attempt: _Try) -> Any:
        """Return the session, once nothing stands against an attempt."""
        if attempt.is_late:
            raise _overdue("it could be sent", "message", temporary=False)
        self._require_filled_in()
        session = self._session.current
        if session is not NOT_OPEN:
            return session
        try:
            with self._deadlines.until(attempt.over):
                return await self._session.get()
        except DeadlinePassedError:
            pass
        raise _overdue("the connector's session was open", "network")

    async def _threads_place(self, attempt: _Try) -> ThreadCall:
        try:
            with self._deadlines.until(attempt.over):
                return await self._threads.prepare()
        except DeadlinePassedError:
            pass
        raise _overdue("the connector had a thread for it", "provider")

    def _require_filled_in(self) -> None:
        if not self.connector.placeholders:
            return
        names = ", ".join(problem.path for problem in self.connector.placeholders)
        raise SendError(
            f"settings still contain a placeholder: {names}",
            outcome="rejected",
            scope="account",
            hint="Replace each <placeholder> in the settings with a value of your own.",
        )

    async def _checked(self) -> Sequence[Finding]:
        self._require_filled_in()
        session = await self._session.get()
        findings = await self._hooks.check_connection(self.connector.config, session)
        return self._reports.findings(findings)

    def _check_failed(self, error: BaseException) -> PasspostError:
        if is_really(error, MailerClosedError):
            return error
        if is_really(error, DeadlinePassedError):
            return self._reports.failure(_overdue("the check was done", "network"))
        if send_error_in(error) is not None:
            return self._reports.failure(error)
        distribution = self._hooks.distribution
        what = str(error) if is_really(error, Defect) else describe_defect(error)
        return PluginError(
            f"the check of {distribution} failed: {what}",
            connector=self.connector.id,
            distribution=distribution,
        )

    def _summary(self, attempt: _Try) -> MailSummary:
        mail = attempt.mail
        return MailSummary(
            connector=self.connector.name,
            usage=mail.usage,
            locale=mail.locale,
            recipient=shortened(mail.to.address),
            recipient_domain=mail.to.domain,
            message_id=mail.message_id,
            attempt=1,
            context=attempt.context,
        )

    def _accepted(self, receipt: Receipt, attempt: _Try) -> Receipt:
        name, mail = self.connector.name, attempt.mail
        log.debug("%s accepted %s for %s", name, mail.message_id, _Shortened(mail))
        provider_id, response = self._reports.receipt(receipt, mail)
        return Receipt(
            provider_id=provider_id,
            response=response,
            connector=name,
            message_id=mail.message_id,
            attempts=(Attempt(name, attempt.started, "accepted", "accepted"),),
            accepted_at=self._reports.accepted_at(receipt),
        )

    def _failed(self, error: BaseException, attempt: _Try) -> PasspostError:
        """Make the error that the application gets from whatever was raised."""
        if is_really(error, MailerClosedError):
            return error
        if is_really(error, DeadlinePassedError) or (
            is_really(error, TimeoutError) and attempt.is_late
        ):
            error = SendError(
                "the connector did not finish before the deadline",
                outcome="unknown",
                scope="provider",
                temporary=True,
            )
        mail = attempt.mail
        failure = self._reports.failure(error, mail, sent=attempt.called)
        self._log(failure, mail)
        summary = Attempt(self.connector.name, attempt.started, failure.outcome, str(failure))
        failure.attempts = (summary,)
        return failure

    def _log(self, failure: SendError, mail: Mail) -> None:
        """Log a failure: as a warning if the operator has to see to it, not for a wrong address."""
        of_the_message = failure.scope in {"recipient", "message"}
        log.log(
            logging.INFO if of_the_message else logging.WARNING,
            "%s did not accept %s: %s%s",
            self.connector.name,
            mail.message_id,
            failure,
            f" ({failure.hint})" if failure.hint else "",
        )

    def _session_ended(self, error: BaseException, closing: bool) -> None:
        # No traceback: it could show what the connector holds.
        what = "closing failed" if closing else "the session ended, the next send opens another"
        log.error("%s: %s: %s", self.connector.name, what, describe_defect(error))


class _Shortened:
    """An address for a log record, shortened only if the record is written."""

    __slots__ = ("_mail",)

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    def __str__(self) -> str:
        return shortened(self._mail.to.address)


def _overdue(what: str, scope: Scope, *, temporary: bool = True) -> SendError:
    """Make the error of an email that was not sent because its deadline passed."""
    return SendError(
        f"the email's deadline passed before {what}",
        outcome="rejected",
        scope=scope,
        temporary=temporary,
    )
