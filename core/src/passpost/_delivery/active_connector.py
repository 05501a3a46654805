"""One connector in use by a mailer, with everything that its sends share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from passpost._delivery.compose import Composer
from passpost._delivery.deadlines import DeadlinePassedError, Deadlines
from passpost._delivery.sessions import NOT_OPEN, SessionHolder
from passpost._delivery.threads import Threads
from passpost._phrases import _
from passpost._plugins.reports import Reports
from passpost._policy.clock import LoopClock
from passpost.errors import SendError

if TYPE_CHECKING:
    from passpost._host.connector import Connector
    from passpost._settings.connector_config import MissingVariables
    from passpost._templates.template import Template


class ActiveConnector:
    """One connector in use by a mailer.

    Args:
        connector: The configured connector.
        templates: The application's own templates.
        missing: What becomes of missing variables; None leaves it to the connector's settings.

    Attributes:
        connector: The configured connector.
        composer: Makes its emails.
        reports: Checks and clears what it says.
        session: Keeps its session open.
        threads: Those that it sends in, if it is synchronous.
        deadlines: Keeps the deadlines of its sends.
        clock: The time that these are in.
        loop: The event loop of its sends; None before the first.
        repeatable_for: Seconds for which its provider recognizes a repeated email.
        marks_departure: Whether it marks when an email leaves, and has been true to it so far.
    """

    def __init__(
        self,
        connector: Connector,
        templates: Sequence[Template] = (),
        missing: MissingVariables | None = None,
    ) -> None:
        self.connector: Final = connector
        self.composer: Final = Composer(connector, templates, missing)
        self.reports: Final = Reports(
            connector.name, connector.hooks.distribution, connector.secrets
        )
        self.session: Final = SessionHolder(connector, self.reports)
        self.threads: Final = Threads()
        self.deadlines: Final = Deadlines()
        self.clock: Final = LoopClock()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.marks_departure = connector.info.marks_departure
        # What the settings say of their own provider weighs more than what holds for all.
        told = getattr(connector.config, "repeatable_for", connector.info.repeatable_for)
        self.repeatable_for: Final = float(told)

    async def ready(self, over: float) -> Any:
        """Return the session, once it can be used.

        Args:
            over: When to give up, in the loop's time.

        Raises:
            SendError: The settings are not filled in, or the session cannot be opened in time.
            MailerClosedError: The mailer was closed before.
        """
        if self.connector.placeholders:
            names = [problem.path for problem in self.connector.placeholders]
            raise SendError(
                _("settings still contain a placeholder: {names}", names=names),
                outcome="rejected",
                scope="account",
                hint=_("Replace each <placeholder> in the settings with a value of your own."),
            )
        session = self.session.current
        if session is not NOT_OPEN:
            return session
        try:
            with self.deadlines.until(over):
                return await self.session.get()
        except DeadlinePassedError:
            pass
        raise SendError(
            _("the connector's session was not open in time"),
            outcome="rejected",
            scope="network",
            temporary=True,
        )

    def distrust_marks(self) -> None:
        """Believe no more that the connector marks when an email leaves: one left unmarked."""
        if self.marks_departure:
            self.marks_departure = False
            self.reports.report_defect(
                "an email was accepted that `about_to_send` did not announce"
            )

    async def close(self) -> None:
        """Close the session. What a connector raises then is logged: every email has its result."""
        await self.session.close()
        self.deadlines.close()
