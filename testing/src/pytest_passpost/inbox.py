"""An inbox for the tests of applications: whatever they send arrives here, by real SMTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pytest_passpost.servers.smtp.server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import passpost
    from pytest_passpost.servers.smtp.records import ReceivedMail

SENDER: Final = "Example <no-reply@example.com>"

# An email without a code and without a link is one that its application forgot to fill: a variable
# that no payload has rejects it.
_CONTENT: Final = (
    "{{#code}}{{code}}\n{{/code}}{{#link}}{{link}}\n{{/link}}"
    "{{^code}}{{^link}}{{code_or_link}}{{/link}}{{/code}}"
)

TEMPLATES: Final = tuple(
    {"usageType": usage, "subject": usage, "content": _CONTENT, "contentType": "text/plain"}
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
)
"""What emails look like where the application has no templates: their code, their link, or both."""


class Inbox(SmtpServer):
    """An SMTP server on 127.0.0.1 that an application under test sends to.

    ::

        def test_signup(passpost_inbox):
            app = make_app(mailer=passpost_inbox.mailer())
            app.sign_up("ada@example.com")
            (mail,) = passpost_inbox.mails_to("ada@example.com")
            assert app.confirm(mail.text.strip())

    It is as strict as production: an email whose payload has neither ``code`` nor ``link`` is a
    `passpost.MissingVariable`, unless the application's own templates need neither. It needs the
    connector ``smtp``: ``pip install passpost-smtp``.
    """

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the connector ``smtp`` that reach this inbox."""
        return {
            "host": self.host,
            "port": self.port,
            "ignoreTLS": True,
            "fromEmail": SENDER,
            "templates": list(TEMPLATES),
        }

    @property
    def application(self) -> dict[str, Any]:
        """The settings of a whole application, as `passpost.load` reads them from a file."""
        return {"connectors": {"inbox": {"use": "smtp", "settings": self.settings}}}

    def write(self, path: Path) -> Path:
        """Write the application's settings to a file, and return its path back."""
        path.write_text(json.dumps(self.application), "utf-8")
        return path

    def connector(self, settings: Mapping[str, Any] | None = None) -> passpost.Connector:
        """Configure the connector ``smtp`` to send here.

        Args:
            settings: Settings to use in place of those above, such as the application's own
                templates.

        Raises:
            UnknownConnectorError: ``passpost-smtp`` is not installed.
        """
        from passpost import Host  # noqa: PLC0415 - the server alone needs no host

        return Host().configure("smtp", {**self.settings, **(settings or {})})

    def mailer(
        self, templates: Sequence[passpost.Template] = (), settings: Mapping[str, Any] | None = None
    ) -> passpost.Mailer:
        """Make a mailer that sends here; close it, or use it in a ``with`` block.

        Args:
            templates: The application's own templates.
            settings: Settings to use in place of those above.

        Raises:
            TypeError: A template is not a `passpost.Template`.
            UnknownConnectorError: ``passpost-smtp`` is not installed.
        """
        from passpost import Mailer, Template  # noqa: PLC0415 - likewise

        for number, template in enumerate(templates):
            if not isinstance(template, Template):
                raise TypeError(
                    f"templates[{number}] must be a passpost.Template, not "
                    f"{type(template).__name__}: write passpost.Template(usage_type=…), or pass "
                    'templates as settings: mailer(settings={"templates": […]})'
                )
        return Mailer(self.connector(settings), templates=templates)

    def mails_to(self, address: str) -> list[ReceivedMail]:
        """Return the emails to one address, in order of arrival."""
        return [mail for mail in self.mails if address in mail.recipients]


__all__ = ["Inbox"]
