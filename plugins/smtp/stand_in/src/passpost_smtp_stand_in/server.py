"""The stand-in for an SMTP server in the demonstration: real SMTP, TLS and AUTH."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_passpost import CertificateAuthority, ReadableMail, ServerStandIn, SmtpServer

_USER: Final = "no-reply@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a server that lives for seconds


class StandIn(ServerStandIn[SmtpServer]):
    """An SMTP server on loopback with STARTTLS and AUTH; see `pytest_passpost.StandIn`."""

    def __init__(self) -> None:
        self._authority = CertificateAuthority()
        super().__init__(
            SmtpServer(
                tls="starttls",
                require_tls=True,
                authority=self._authority,
                auth={_USER: _PASSWORD},
                name="smtp.example.com",
            )
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, but for ``templates``."""
        return self._settings(_PASSWORD)

    @property
    def wrong_settings(self) -> Mapping[str, Any]:
        """The same with a password that the server does not know."""
        return self._settings("a password of long ago")

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        """The emails that were accepted, as a person would read them."""
        return tuple(
            ReadableMail(
                sender=str(mail.message["From"]),
                recipient=mail.recipients[0],
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                reply_to=_address(mail.message["Reply-To"]),
                message_id=str(mail.message["Message-ID"]),
                headers={name: str(value) for name, value in mail.message.items()},
            )
            for mail in self.server.mails
        )

    def _settings(self, password: str) -> Mapping[str, Any]:
        return {
            "host": self.server.host,
            "port": self.server.port,
            "auth": {"user": _USER, "pass": password},
            "fromEmail": f"Example <{_USER}>",
            "tls": {"ca": self._authority.pem},
        }


def _address(header: Any) -> str | None:
    return None if header is None else str(header.addresses[0].addr_spec)
