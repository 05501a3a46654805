"""The inbox as a whole: its emails, its servers, and the settings that lead to it."""

from __future__ import annotations

from contextlib import ExitStack
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final, Self

import passpost
from passpost_console.addresses import reachable
from passpost_console.inbox.faults import Faults
from passpost_console.inbox.smtp_server import SmtpServer
from passpost_console.inbox.stand_ins import Offer, StandIns
from passpost_console.inbox.store import Emails
from passpost_console.library import CONTENTS

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from types import TracebackType

SENDER: Final = "Example <no-reply@example.com>"
SMTP: Final = "smtp"


class Inbox:
    """A development inbox that runs while its ``with`` block does.

    Args:
        listening: The socket at which its SMTP server answers.
        host: Where connectors over HTTP are looked up; None: emails come by SMTP only.
        emails: Where it keeps emails; a new `Emails` by default.
        token: The token of its API; a random one if empty.

    Attributes:
        token: The token of its API.
        emails: The emails that arrived.
        faults: What goes wrong on purpose.
    """

    def __init__(
        self,
        listening: socket.socket,
        host: passpost.Host | None = None,
        emails: Emails | None = None,
        token: str = "",
    ) -> None:
        self.token = token or token_urlsafe(24)
        self.emails = emails if emails is not None else Emails()
        self.faults = Faults()
        self.address, self.port = listening.getsockname()[:2]
        self._smtp = SmtpServer(listening, self._deliver, self.faults)
        self._host = host
        self._stack = ExitStack()
        self._offers: tuple[Offer, ...] = ()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._smtp)
            offers: tuple[Offer, ...] = (Offer(SMTP, self._smtp_settings()),)
            if self._host is not None:
                offers += StandIns(self._host, self.emails.add, self.faults).start(stack)
            self._offers = offers
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Settings that lead here, of each connector that can."""
        return self._offers

    def redirect(self, connector: str, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return settings of a connector that send everything here, templates and texts kept.

        None of its secrets and none of its addresses on a network are in them.

        Args:
            connector: The connector's ID.
            settings: Its own settings.

        Returns:
            The settings; None if this inbox has no server for the connector.
        """
        offer = next((one for one in self._offers if one.connector == connector), None)
        if offer is None:
            return None
        kept = {key: settings[key] for key in CONTENTS if key in settings}
        own = dict(offer.settings)
        if connector == SMTP and isinstance(settings.get("fromEmail"), str):
            own["fromEmail"] = settings["fromEmail"]
        return {**own, **kept}

    def _smtp_settings(self) -> dict[str, Any]:
        return {
            "host": reachable(self.address),
            "port": self.port,
            "ignoreTLS": True,
            "fromEmail": SENDER,
        }

    def _deliver(self, sender: str, recipients: tuple[str, ...], source: bytes) -> None:
        self.emails.add(SMTP, sender, recipients, source)
