"""Sends a test email: marked as one, with a code that is not valid, to exactly one recipient.

The command line and consoles use it to try settings, whether they are saved or not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost._plugins.connector_hooks import ConnectorHooks
from passpost.phrases import Phrases, translated
from passpost_tools.providers import provider_of
from passpost_tools.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping

_: Final = Phrases("passpost_tools")

CODE: Final = "000000"
"""The code of every test email."""

HEADER: Final = "X-Passpost-Test"
"""The header of a test email, where the connector can add headers."""

_USAGE: Final = "Generic"
_LONGEST_SUBJECT: Final = 998

_ATTRIBUTES: Final = r"""(?:[^>"']|"[^"]*"|'[^']*')*>"""
# Where the first line of HTML can be: whichever tag comes last. Comments hide nothing from it.
_STARTS: Final = re.compile(
    rf"<!--.*?(?:-->|\Z)|(?P<start><(?:!doctype|html|body)\b{_ATTRIBUTES}|</head\s*>)",
    re.IGNORECASE | re.DOTALL,
)


@attrs.frozen
class Trial:
    """A test email that a provider has accepted.

    Attributes:
        receipt: What the provider said.
        marked: Whether the email says that it is a test. Templates at a provider cannot.
        places: Where to look for the email, in the reader's language.
    """

    receipt: passpost.Receipt
    marked: bool
    places: tuple[str, ...]


async def send_test(  # noqa: PLR0913 - the parts of a message, and whose language it is
    application: passpost.Application,
    to: str,
    *,
    usage: str | None = None,
    locale: str | None = None,
    payload: Mapping[str, Any] | None = None,
    language: str = "en",
) -> Trial:
    """Send a test email through an application's connectors.

    Args:
        application: The application, as `passpost.load` returns it. Settings need not be saved.
        to: The recipient: one address.
        usage: The template to use; by default ``Generic``, or what the settings have.
        locale: The recipient's languages.
        payload: Values for the template besides the code. A variable without a value stays in the
            email as it is written.
        language: The language of `Trial.places`.

    Raises:
        MessageError: The recipient or the payload is invalid.
        SendError: The email was rejected, or the outcome is unknown.
        PluginError: An extension is broken.
    """
    test = for_test(application)
    message = message_of_test(application, to, usage=usage, locale=locale, payload=payload)
    async with passpost.AsyncMailer(*test.connectors, **test.options()) as mailer:
        receipt = await mailer.send(message)
    return trial_of(application, message, receipt, language)


def for_test(application: passpost.Application) -> passpost.Application:
    """Return an application whose emails are marked as tests."""
    return attrs.evolve(
        application,
        connectors=tuple(_marking(connector) for connector in application.connectors),
        missing_variables="keep",
    )


def message_of_test(
    application: passpost.Application,
    to: str,
    *,
    usage: str | None = None,
    locale: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> passpost.Message:
    """Return the message of a test; see `send_test`.

    Raises:
        MessageError: The recipient or the payload is invalid.
    """
    values = {**(payload or {}), "code": CODE}
    return passpost.Message(to, usage or _usage_of(application), values, locale)


def trial_of(
    application: passpost.Application,
    message: passpost.Message,
    receipt: passpost.Receipt,
    language: str = "en",
) -> Trial:
    """Return what there is to say about an accepted test email."""
    connector = next(
        (one for one in application.connectors if one.name == receipt.connector),
        application.connectors[0],
    )
    places = tuple(_places(connector, message.to.address, language))
    return Trial(receipt, not _at_provider(connector), places)


def _usage_of(application: passpost.Application) -> str:
    """Return a usage that the settings have a template for."""
    own = [getattr(one.config, "templates", ()) for one in application.connectors]
    usages = [one.usage_type for templates in (application.templates, *own) for one in templates]
    return _USAGE if _USAGE in usages or not usages else usages[0]


def _at_provider(connector: passpost.Connector) -> bool:
    return passpost.Capability.PROVIDER_TEMPLATES in connector.info.capabilities


def _places(connector: passpost.Connector, recipient: str, language: str) -> Iterator[str]:
    yield translated(_("the inbox of {recipient}", recipient=recipient), language)
    spam = _("the spam folder of {recipient}: then check SPF and DKIM", recipient=recipient)
    yield translated(spam, language)
    if connector.info.deliveries:
        yield in_language(connector.info.deliveries, language)
        return
    provider = provider_of(str(getattr(connector.config, "host", "")))
    if provider is not None and provider.deliveries:
        yield translated(provider.deliveries, language)
    elif sender := getattr(connector.config, "sender", None):
        bounces = _("the inbox of {sender}, for a report of failed delivery", sender=sender.address)
        yield translated(bounces, language)


def _marking(connector: passpost.Connector) -> passpost.Connector:
    hooks = _MarkingHooks(connector.hooks)
    return attrs.evolve(connector, hooks=hooks)


class _MarkingHooks(ConnectorHooks):
    """The hooks of a connector, which get marked emails, wherever their content comes from."""

    def __init__(self, hooks: ConnectorHooks) -> None:
        # Loaded and checked already.
        self.__dict__.update(vars(hooks))

    def send_mail(
        self, config: Any, session: Any, mail: passpost.Mail
    ) -> Awaitable[passpost.Receipt] | passpost.Receipt:
        """Call the hook with the marked email."""
        return super().send_mail(config, session, _marked(mail, self.info.capabilities))


def _marked(mail: passpost.Mail, capabilities: frozenset[passpost.Capability]) -> passpost.Mail:
    language = mail.locale or "en"
    line = translated(_("This is a test email. Its code is not valid."), language)
    changed: dict[str, Any] = {}
    if passpost.Capability.HEADERS in capabilities:
        changed["headers"] = {**mail.headers, HEADER: "yes"}
    if mail.subject is not None:
        subject = translated(_("[Test] {subject}", subject=mail.subject), language)
        # Servers may reject a longer one, which would say nothing of the settings.
        changed["subject"] = subject if len(subject) <= _LONGEST_SUBJECT else mail.subject
    if mail.text is not None:
        changed["text"] = f"{line}\n\n{mail.text}"
    if mail.html is not None:
        changed["html"] = _with_first_line(mail.html, f"<p>{line}</p>")
    return attrs.evolve(mail, **changed)


def _with_first_line(html: str, line: str) -> str:
    ends = [found.end() for found in _STARTS.finditer(html) if found["start"]]
    body = next((found for found in _STARTS.finditer(html) if _is_body(found["start"])), None)
    at = body.end() if body is not None else ends[-1] if ends else 0
    return f"{html[:at]}{line}{html[at:]}"


def _is_body(tag: str | None) -> bool:
    return tag is not None and tag.lower().startswith("<body")
