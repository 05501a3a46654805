"""One attempt: an email through one connector, and an honest account of what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import logging
from collections.abc import Awaitable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from passpost._delivery.deadlines import DeadlinePassedError, deadline_error
from passpost._delivery.extension_contexts import ExtensionContexts
from passpost._delivery.sessions import NOT_OPEN
from passpost._departure import Departure
from passpost._genuine import is_really, type_name
from passpost._messages.addresses import shortened
from passpost._messages.messages import Mail, MailSummary, Receipt
from passpost._network.reachable import reaches_internal, reaching
from passpost._phrases import _, said
from passpost._plugins.interruptions import Interruptions, renewed
from passpost._plugins.reports import Defect
from passpost.errors import Attempt, MailerClosedError, PasspostError, SendError

if TYPE_CHECKING:
    from passpost._delivery.active_connector import ActiveConnector
    from passpost._delivery.threads import ThreadCall

log: Final = logging.getLogger("passpost")

_UNMARKED: Final = nullcontext()


class SendAttempt:
    """One attempt under way; `Attempt` is the record that errors and receipts keep of it.

    Args:
        active: The connector.
        mail: The email.
        over: The deadline, in the loop's time.
        number: Which attempt at the email this is, counted from 1.
        context: What the application told extensions.

    Attributes:
        asked: Whether it got as far as the connector: extensions and passpost let it pass.
        may_have_left: Whether the email may have been sent, once the attempt is over.
        was_reached: Whether the provider may know of the attempt, once it failed: the email may
            have left, or the provider said why it did not.
    """

    __slots__ = (
        "_active", "_began", "_called", "_context", "_departure", "_mail", "_number", "_over",
        "_started", "asked", "may_have_left", "was_reached",
    )  # fmt: skip

    def __init__(
        self,
        active: ActiveConnector,
        mail: Mail,
        over: float,
        *,
        number: int,
        context: Mapping[str, Any],
    ) -> None:
        self._active = active
        self._mail = mail
        self._over = over
        self._number = number
        self._context = context
        self._started = dt.datetime.now(dt.UTC)
        self._began = active.clock.monotonic()
        # Whether `send_mail` was called: from then on, something may have been sent.
        self._called = False
        self._departure = Departure() if active.marks_departure else None
        self.asked = self.may_have_left = self.was_reached = False

    def run(self) -> Awaitable[Receipt | PasspostError]:
        """Make the attempt.

        Returns:
            The receipt, or the error that the application gets, whichever is awaited; only what
            interrupts the caller is raised.
        """
        watchers = self._active.connector.extensions.watchers
        return self._run_within_extensions() if watchers else self._run()

    async def _run_within_extensions(self) -> Receipt | PasspostError:
        contexts = ExtensionContexts(self._active.deadlines, self._over, "an attempt")
        result: Receipt | PasspostError
        try:
            watchers = self._active.connector.extensions.watchers
            rejection = await contexts.enter(watchers, "around_send", self._summarize())
            result = await self._run() if rejection is None else self._make_error(rejection)
        except BaseException as error:
            await contexts.leave(error)
            raise
        # An extension gets the error as the application does: it may keep what it sees.
        await contexts.leave(None if isinstance(result, Receipt) else result)
        return result

    async def _run(self) -> Receipt | PasspostError:
        """Ask the connector, and return what came of it, checked and cleared."""
        interruptions = Interruptions(self._active.loop)
        try:
            # Nearly always, and then each email is spared a context.
            if self._active.connector.internal_addresses is reaches_internal():
                receipt = await self._call_connector(interruptions.task)
            else:
                with reaching(internal=self._active.connector.internal_addresses):
                    receipt = await self._call_connector(interruptions.task)
        except BaseException as error:  # noqa: BLE001 - any plugin's any mistake
            self.may_have_left = self.was_reached = self._called and not self._withdraw()
            if not interruptions.include(error):
                return self._make_error(error)
            interruption = renewed(error, self._active.reports.cleaner(self._mail))
        else:
            return self._complete(receipt)
        # Made again outside of the except block: the frames of the connector, which may hold the
        # email and the key, do not stay with the cancellation that the application gets.
        raise interruption

    async def _call_connector(self, task: asyncio.Task[Any] | None) -> Receipt:
        self._require_time()
        active, hooks = self._active, self._active.connector.hooks
        self.asked = True
        # Nearly always open: then nothing has to be awaited.
        session = active.session.current
        if session is NOT_OPEN:
            session = await active.ready(self._begin_by())
        if hooks.sends_async:
            self._called = True
            with active.deadlines.until_after(self._over, task), self._departure or _UNMARKED:
                result: Any = await hooks.send_mail(active.connector.config, session, self._mail)  # type: ignore[misc]  # sends_async says that it is awaitable
        else:
            result = await self._call_in_thread()
        if not is_really(result, Receipt):
            raise Defect(
                _("send_mail returned {kind} instead of a Receipt", kind=type_name(result))
            )
        return result

    async def _call_in_thread(self) -> Any:
        self.asked = False
        call = await self._get_thread()
        try:
            # Looked at again: the session may have died while the email waited for its thread.
            self._require_time()
            self.asked = True
            session = await self._active.ready(self._begin_by())
        except BaseException:
            call.withdraw()
            raise
        self._called = True
        connector = self._active.connector
        with self._active.deadlines.until_after(self._over), self._departure or _UNMARKED:
            try:
                result = await call.run(
                    connector.hooks.send_mail, connector.config, session, self._mail
                )
                return await result if inspect.isawaitable(result) else result
            finally:
                self._called = self.asked = not call.withdrawn

    def _begin_by(self) -> float:
        """Return when the email has to be on its way, in the loop's time."""
        left = self._mail.seconds_to_begin()
        if left is None:
            return self._over
        return min(self._over, self._active.clock.monotonic() + left)

    def _require_time(self) -> None:
        if self._is_late():
            raise deadline_error(_("it could be sent"), "message", temporary=False)

    async def _get_thread(self) -> ThreadCall:
        try:
            with self._active.deadlines.until(self._begin_by()):
                return await self._active.threads.prepare()
        except DeadlinePassedError:
            pass
        raise SendError(
            _("the connector had no thread for the email in time"),
            outcome="rejected",
            scope="provider",
            temporary=True,
        )

    def _is_late(self) -> bool:
        return self._active.clock.monotonic() >= self._over

    def _withdraw(self) -> bool:
        """Return whether the email has not left, and never will."""
        return self._departure is not None and self._departure.withdraw()

    def _complete(self, receipt: Receipt) -> Receipt:
        """Return the receipt that the application gets."""
        name, mail = self._active.connector.name, self._mail
        self.may_have_left = self.was_reached = True
        if self._withdraw():
            self._active.distrust_marks()
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s accepted %s for %s", name, mail.message_id, shortened(mail.to.address))
        record = Attempt(name, self._started, "accepted", "accepted", self._seconds())
        return self._active.reports.receipt(receipt, mail, (record,))

    def _make_error(self, error: BaseException) -> PasspostError:
        """Return the error that the application gets for whatever was raised."""
        # A connector says so of its connections, as long as nothing has left.
        if is_really(error, MailerClosedError) and not self.may_have_left:
            return MailerClosedError(_("the mailer is closed"))
        if is_really(error, DeadlinePassedError) or (
            is_really(error, TimeoutError) and self._is_late()
        ):
            error = SendError(
                _("the connector did not finish before the deadline"),
                outcome="unknown" if self.may_have_left else "rejected",
                scope="provider",
                temporary=True,
            )
        name, mail = self._active.connector.name, self._mail
        failure = self._active.reports.failure(
            error, mail, sent=self._called, left=self.may_have_left
        )
        # What the connector says weighs more than what it has marked.
        self.may_have_left = failure.outcome == "unknown"
        if self._called and (failure.response or failure.provider_code):
            self.was_reached = True
        record = Attempt(
            name,
            self._started,
            failure.outcome,
            said(failure),
            self._seconds(),
            failure.scope,
            failure.temporary,
            failure.retry_after,
            failure.provider_code,
        )
        failure.attempts = (record,)
        log.debug("%s did not accept %s: %s", name, mail.message_id, failure)
        return failure

    def _seconds(self) -> float:
        return self._active.clock.monotonic() - self._began

    def _summarize(self) -> MailSummary:
        mail = self._mail
        return MailSummary(
            connector=self._active.connector.name,
            usage=mail.usage,
            locale=mail.locale,
            recipient=shortened(mail.to.address),
            recipient_domain=mail.to.domain,
            message_id=mail.message_id,
            attempt=self._number,
            context=self._context,
        )
