"""Turns a message into the email that one connector is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._connector_info import Capability
from passpost._messages.addresses import Address
from passpost._messages.messages import Mail, Message
from passpost._phrases import _
from passpost._templates.checks import ContentType
from passpost._templates.picking import TemplateSet, pick, pick_asking
from passpost._templates.template import Rendered, Template
from passpost.errors import SendError

if TYPE_CHECKING:
    from passpost._delivery.identity import SendIdentity
    from passpost._host.connector import Connector
    from passpost._settings.connector_config import MissingVariables

_NO_DOMAIN: Final = "localhost"

_SENDER: Final = _("a sender")
_REPLY_TO: Final = _("a Reply-To address")

_REQUIREMENTS: Final[tuple[tuple[Capability, str, Callable[[Mail], bool]], ...]] = (
    (Capability.HTML, "HTML", lambda mail: mail.html is not None),
    (Capability.TEXT, _("plain text"), lambda mail: mail.text is not None),
    (Capability.SENDER, _("a template's own sender"), lambda mail: mail.sender is not None),
    (Capability.REPLY_TO, _REPLY_TO, lambda mail: mail.reply_to is not None),
    (Capability.HEADERS, _("additional headers"), lambda mail: bool(mail.headers)),
)
"""What an email may require of a connector, in words, and whether an email does."""


@attrs.frozen
class _NotRendered:
    """The content of an email whose template lives at the provider."""

    subject: None = None
    text: None = None
    html: None = None
    sender: None = None
    reply_to: None = None


_NOT_RENDERED: Final = _NotRendered()


class Composer:
    """Makes the emails of one connector: what they have in common is looked up once.

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
        self._unable = [
            (what, required) for able, what, required in _REQUIREMENTS if able not in capabilities
        ]
        self._sources = [TemplateSet(source) for source in (templates, _own(config)) if source]
        # Most emails have one of a few usages and languages; readers choose these, so few are kept.
        self._pick = lru_cache(maxsize=64)(partial(pick, sources=self._sources))
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
            SendError: An extension rejects the message.
            PluginError: An extension is broken.
        """

        def find(usage: str, locale: str | None) -> Awaitable[Template | None]:
            return self._extensions.find_template(usage, locale, message)

        return await pick_asking(message.usage, message.locale, find, self._sources)

    def compose(
        self,
        message: Message,
        identity: SendIdentity,
        seconds: float | None = None,
        template: Template | None = None,
        begin_by: float | None = None,
    ) -> Mail:
        """Render the template, and put the email together.

        Args:
            message: What the application asks for.
            identity: What the email has in common with its other attempts.
            seconds: How long the email may take from its date on.
            template: What `ask` returned; by default it is picked from the settings.
            begin_by: When another connector is better asked, on the monotonic clock.

        Raises:
            MessageError: No template serves the message, or its payload does not fit the template.
            SendError: The connector cannot send such an email.
        """
        rendered, locale = self._render(message, template)
        text = rendered.text
        if not self._alternative and rendered.html is not None:
            # The plain alternative says the same as the HTML: without it nothing is lost.
            text = None
        deadline = None if seconds is None else identity.started + _span(seconds)
        domain = self._domain if rendered.sender is None else rendered.sender.ascii_domain
        mail = Mail(
            message_id=identity.message_id(domain),
            to=message.to,
            usage=message.usage,
            date=identity.date,
            locale=locale,
            sender=rendered.sender,
            reply_to=message.reply_to or rendered.reply_to,
            subject=rendered.subject,
            text=text,
            html=rendered.html,
            headers=message.headers,
            payload=message.payload,
            deadline=deadline,
            idempotency_key=message.idempotency_key,
            expiry=(deadline, identity.began + (seconds or 0.0)),
            begin_by=begin_by,
        )
        self._require_capabilities(mail)
        return mail

    def _render(
        self, message: Message, template: Template | None
    ) -> tuple[Rendered | _NotRendered, str | None]:
        """Return the content, and the locale that it is in."""
        wanted = message.locale[0] if message.locale else None
        if self._at_provider:
            return _NOT_RENDERED, wanted
        if template is None:
            template = self._pick(message.usage, message.locale)
        rendered = template.render(
            message.payload, content_type=self._content_type, missing=self._missing
        )
        return rendered, template.locale or wanted

    def _require_capabilities(self, mail: Mail) -> None:
        """Reject what the connector has no way to send, rather than send something else."""
        for what, required in self._unable:
            if required(mail):
                raise SendError(
                    _("this connector cannot send {what}", what=what),
                    outcome="rejected",
                    scope="message",
                )
        if not self._smtputf8:
            _require_ascii(mail)


# Nearly every email has the policy's own timeout.
@lru_cache(maxsize=8)
def _span(seconds: float) -> dt.timedelta:
    return dt.timedelta(seconds=seconds)


def _require_ascii(mail: Mail) -> None:
    """Reject local parts that have a form in Unicode only."""
    if mail.to.needs_smtputf8:
        raise SendError(
            _("this connector cannot deliver to a local part outside of ASCII"),
            outcome="rejected",
            scope="recipient",
        )
    for address, name in ((mail.sender, _SENDER), (mail.reply_to, _REPLY_TO)):
        if address is not None and address.needs_smtputf8:
            raise SendError(
                _(
                    "this connector cannot send {name} whose local part is outside of ASCII",
                    name=name,
                ),
                outcome="rejected",
                scope="message",
            )


def _own(config: Any) -> Sequence[Template]:
    templates: Sequence[Template] = getattr(config, "templates", ())
    return templates
