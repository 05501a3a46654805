"""Turns a message into the mail that one connector is given."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._connector_info import Capability
from passpost._messages.addresses import Address
from passpost._messages.messages import Mail, Message
from passpost._templates.checks import ContentType
from passpost._templates.picking import TemplateSet, pick, pick_asking
from passpost._templates.template import Rendered, Template
from passpost.errors import SendError

if TYPE_CHECKING:
    from passpost._host.host import Connector
    from passpost._settings.connector_config import MissingVariables

_NO_DOMAIN: Final = "localhost"

_DEMANDS: Final[tuple[tuple[Capability, str, Callable[[Mail], bool]], ...]] = (
    (Capability.HTML, "HTML", lambda mail: mail.html is not None),
    (Capability.TEXT, "plain text", lambda mail: mail.text is not None),
    (Capability.SENDER, "a template's own sender", lambda mail: mail.sender is not None),
    (Capability.REPLY_TO, "a Reply-To address", lambda mail: mail.reply_to is not None),
    (Capability.HEADERS, "additional headers", lambda mail: bool(mail.headers)),
)
"""What a mail may demand of a connector, in words, and whether a mail does."""


@attrs.frozen
class _NotRendered:
    """The content of a mail whose template lives at the provider."""

    subject: None = None
    text: None = None
    html: None = None
    sender: None = None
    reply_to: None = None


_NOT_RENDERED: Final = _NotRendered()


def message_token(message: Message) -> str:
    """Give the left part of a Message-ID: the same for the same idempotency key and recipient."""
    if message.idempotency_key is None:
        return secrets.token_hex(16)
    named = f"{message.idempotency_key}\0{message.to.address}"
    return hashlib.sha256(named.encode()).hexdigest()[:32]


class Composer:
    """Makes mails for one connector: what does not change from mail to mail is looked up once.

    Args:
        connector: The configured connector.
        templates: The application's own templates.
        missing: What becomes of missing variables; None leaves it to the connector's settings.

    Attributes:
        asks: Whether extensions may have the template: then `ask` comes before `compose`.
    """

    def __init__(
        self,
        connector: Connector,
        templates: Sequence[Template] = (),
        missing: MissingVariables | None = None,
    ) -> None:
        config = connector.config
        capabilities = connector.info.capabilities
        self._at_provider = Capability.PROVIDER_TEMPLATES in capabilities
        self._alternative = Capability.ALTERNATIVE in capabilities
        self._smtputf8 = Capability.SMTPUTF8 in capabilities
        self._refused = [
            (what, asked) for able, what, asked in _DEMANDS if able not in capabilities
        ]
        self._sources = [TemplateSet(source) for source in (templates, _own(config)) if source]
        self._extensions = connector.extensions
        self.asks = self._extensions.supply_templates and not self._at_provider
        self._content_type: ContentType = getattr(config, "default_content_type", "text/plain")
        own: MissingVariables = getattr(config, "missing_variables", "error")
        self._missing = missing or own
        sender: Address | None = getattr(config, "sender", None)
        self._domain = _NO_DOMAIN if sender is None else sender.ascii_domain

    async def ask(self, message: Message) -> Template:
        """Return the template of a message: an extension's, or that of the settings.

        Raises:
            TemplateNotFound: No template serves the message.
            SendError: An extension refuses the message.
            PluginError: An extension is broken.
        """

        def find(usage: str, locale: str | None) -> Awaitable[Template | None]:
            return self._extensions.find_template(usage, locale, message)

        return await pick_asking(message.usage, message.locale, find, self._sources)

    def compose(
        self,
        message: Message,
        token: str,
        seconds: float | None = None,
        template: Template | None = None,
    ) -> Mail:
        """Render the template, and put the email together.

        Args:
            message: What the application asks for.
            token: The left part of the Message-ID.
            seconds: How long the email may take from now on.
            template: What `ask` returned; by default it is picked from the settings.

        Raises:
            MessageError: No template serves the message, or its payload does not fit the template.
            SendError: The connector cannot send such an email.
        """
        locale = message.locale[0] if message.locale else None
        rendered: Rendered | _NotRendered = _NOT_RENDERED
        if not self._at_provider:
            if template is None:
                template = pick(message.usage, message.locale, self._sources)
            locale = template.locale or locale
            rendered = template.render(
                message.payload, content_type=self._content_type, missing=self._missing
            )
        mail = self._mail(
            message, f"<{token}@{self._domain_for(rendered.sender)}>", rendered, locale, seconds
        )
        self._require(mail)
        return mail

    def _domain_for(self, sender: Address | None) -> str:
        return self._domain if sender is None else sender.ascii_domain

    def _mail(
        self,
        message: Message,
        message_id: str,
        rendered: Rendered | _NotRendered,
        locale: str | None,
        seconds: float | None,
    ) -> Mail:
        text = rendered.text
        if not self._alternative and rendered.html is not None:
            # The plain alternative says the same as the HTML: without it nothing is lost.
            text = None
        now = dt.datetime.now(dt.UTC)
        return Mail(
            message_id=message_id,
            to=message.to,
            usage=message.usage,
            date=now,
            locale=locale,
            sender=rendered.sender,
            reply_to=message.reply_to or rendered.reply_to,
            subject=rendered.subject,
            text=text,
            html=rendered.html,
            headers=message.headers,
            payload=message.payload,
            deadline=None if seconds is None else now + dt.timedelta(seconds=seconds),
            idempotency_key=message.idempotency_key,
        )

    def _require(self, mail: Mail) -> None:
        """Refuse what the connector has no way to send, rather than send something else."""
        for what, asked in self._refused:
            if asked(mail):
                raise SendError(
                    f"this connector cannot send {what}", outcome="rejected", scope="message"
                )
        if not self._smtputf8:
            _require_ascii(mail)


def _require_ascii(mail: Mail) -> None:
    """Refuse local parts that have a form in Unicode only."""
    if mail.to.needs_smtputf8:
        raise SendError(
            "this connector cannot deliver to a local part outside of ASCII",
            outcome="rejected",
            scope="recipient",
        )
    for address, name in ((mail.sender, "a sender"), (mail.reply_to, "a Reply-To address")):
        if address is not None and address.needs_smtputf8:
            raise SendError(
                f"this connector cannot send {name} whose local part is outside of ASCII",
                outcome="rejected",
                scope="message",
            )


def _own(config: Any) -> Sequence[Template]:
    templates: Sequence[Template] = getattr(config, "templates", ())
    return templates
