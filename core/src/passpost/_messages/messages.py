"""What an application asks for, what a connector sends, and what comes back."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import attrs

from passpost._discreet import HIDDEN, Discreet
from passpost._messages.addresses import Address, shortened
from passpost._messages.headers import frozen_headers
from passpost._messages.locales import wanted_locales
from passpost._messages.payload import frozen_payload
from passpost._messages.usages import KNOWN_USAGES, MAX_NAME, canonical_usage
from passpost._phrases import _, said
from passpost._text import refused_in_line
from passpost.errors import Attempt, MessageError

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_SETTLED: Final = frozenset(KNOWN_USAGES)


def _recipient(value: Any) -> Address:
    address = _address(value, "to")
    if address.address.endswith("]"):
        raise MessageError(
            _(
                "to is an address at a number instead of a domain; no provider "
                "assigns such an address"
            ),
            field="to",
        )
    return address


def _optional_address(value: Any) -> Address | None:
    return None if value is None else _address(value, "reply_to")


def _address(value: Any, field: str) -> Address:
    text = value.address if isinstance(value, Address) else value
    if not isinstance(text, str):
        raise MessageError(_("{field} must be the text of one address", field=field), field=field)
    try:
        return Address.plain(text)
    except ValueError as error:
        reason = said(error)
    raise MessageError(
        _("{field}: not a valid email address: {reason}", field=field, reason=reason), field=field
    )


def _usage(value: Any) -> str:
    if type(value) is str and value in _SETTLED:
        return value
    return canonical_usage(_name(value, "usage"))


def _name(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_NAME:
        raise MessageError(
            _(
                "{field} must be a text of 1 to {max_name} characters",
                field=field,
                max_name=MAX_NAME,
            ),
            field=field,
        )
    if refused := refused_in_line(value):
        raise MessageError(
            _("{field}: {what} is not allowed", field=field, what=refused), field=field
        )
    return value


def _key(value: Any) -> str | None:
    return None if value is None else _name(value, "idempotency_key")


def _deadline(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        raise MessageError(_("deadline must be a datetime with a time zone"), field="deadline")
    return value


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
    if value is _NOTHING:
        return value
    try:
        return frozen_headers(value)
    except ValueError as error:
        reason = said(error)
    raise MessageError(reason, field="headers")


def _context(value: object) -> Mapping[str, Any]:
    if value is _NOTHING:
        return _NOTHING
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise MessageError(_("context must be a mapping with text keys"), field="context")
    return MappingProxyType(dict(value))


@attrs.frozen(init=False, repr=False, eq=False)
class Message(Discreet):
    """What an application asks for: one email to one person.

    Everything is checked when the message is made, so that what can be wrong with it is known
    before any connector is asked.

    Args:
        to: The recipient's address: exactly one, without a display name, at a domain.
        usage: What the email is for: ``SignIn``, ``Register``, ``ForgotPassword``, ``Generic`` or a
            name of your own; it picks the template. ``Test`` is the old name of ``Generic``.
        payload: JSON data for the template: ``{"code": "123456"}``.
        locale: The languages that the reader prefers: one BCP 47 tag, several with spaces between
            them (OpenID Connect's ``ui_locales``), the value of a browser's ``Accept-Language``,
            or a sequence of tags. The attribute is always a tuple of tags, best first, and empty
            for None. Anything that is not a tag is ignored, and so are all but the first 16.
        idempotency_key: Names this email across calls: the same key and recipient give the same
            Message-ID.
        deadline: The absolute time (with a time zone) after which the email is worth nothing.
        headers: Headers to add; those that passpost makes itself cannot be set.
        reply_to: The address for replies, in place of the one in the template or the settings.
        context: What extensions need to know, such as ``{"tenant": "acme"}``. It is never
            rendered, sent or logged, and connectors do not see it.

    Raises:
        MessageError: A part is wrong; ``field`` names it.
    """

    to: Address = attrs.field(converter=_recipient)
    usage: str = attrs.field(converter=_usage)
    payload: Mapping[str, Any] = attrs.field(converter=frozen_payload, repr=False)
    locale: tuple[str, ...] = attrs.field(converter=wanted_locales)
    idempotency_key: str | None = attrs.field(converter=_key, repr=False)
    deadline: dt.datetime | None = attrs.field(converter=_deadline)
    headers: Mapping[str, str] = attrs.field(converter=_headers, repr=False)
    reply_to: Address | None = attrs.field(converter=_optional_address, repr=False)
    context: Mapping[str, Any] = attrs.field(converter=_context, repr=False)

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a message; all but two have defaults
        self,
        to: str | Address,
        usage: str,
        payload: Mapping[str, Any] = _NOTHING,
        locale: str | Sequence[str] | None = None,
        idempotency_key: str | None = None,
        deadline: dt.datetime | None = None,
        headers: Mapping[str, str] = _NOTHING,
        reply_to: str | Address | None = None,
        context: Mapping[str, Any] = _NOTHING,
    ) -> None:
        try:
            self.__attrs_init__(
                to, usage, payload, locale, idempotency_key, deadline, headers, reply_to, context
            )
        except MessageError as error:
            failure = error.with_traceback(None)
        else:
            return
        # Error reports show the variables of each frame: those of this one are all that are left.
        del self, to, usage, payload, locale, idempotency_key, deadline, headers, reply_to, context
        raise failure

    def __reduce__(self) -> tuple[Any, ...]:
        # A task queue may carry messages; the read-only views of the mappings cannot be pickled.
        plain = {part.name: getattr(self, part.name) for part in attrs.fields(Message)}
        for mapping in ("payload", "headers", "context"):
            plain[mapping] = dict(plain[mapping])
        return (_message, (plain,))

    def _shown(self) -> Iterator[tuple[str, object]]:
        yield "to", shortened(self.to.address)
        yield "usage", self.usage
        yield "payload", HIDDEN


def _message(plain: Mapping[str, Any]) -> Message:
    return Message(**plain)


def _on_monotonic_clock(mail: Mail) -> tuple[dt.datetime | None, float]:
    if mail.deadline is None:
        return None, 0.0
    left = (mail.deadline - dt.datetime.now(dt.UTC)).total_seconds()
    return mail.deadline, time.monotonic() + left


@attrs.frozen(repr=False, eq=False, kw_only=True)
class Mail(Discreet):
    r"""A message after a template was picked and rendered: what a connector is given to send.

    Nothing in it needs another check for control characters or a second recipient: subject, names,
    addresses and headers are single lines, and `to` is one address.

    Attributes:
        message_id: The Message-ID with its angle brackets (RFC 5322 section 3.6.4); it stays the
            same for each attempt at the same message.
        to: The one recipient.
        usage: What the email is for.
        locale: One tag: the template's own, or if it has none the first of the message's.
        date: When the email was made, in UTC.
        sender: The template's own sender, or None: then the config's.
        reply_to: The address for replies, or None: then the config's.
        subject: The rendered subject; None where templates live at the provider.
        text: The plain text, with ``\n`` line ends; None where the template has none.
        html: The HTML, likewise.
        headers: Headers to add, as the application asked.
        payload: The message's payload, for connectors whose templates live at the provider.
        deadline: When the attempt has to be over; None if there is no hurry.
        idempotency_key: The application's name for this email.
    """

    message_id: str
    to: Address
    usage: str
    date: dt.datetime
    locale: str | None = None
    sender: Address | None = None
    reply_to: Address | None = attrs.field(default=None, repr=False)
    subject: str | None = attrs.field(default=None, repr=False)
    text: str | None = attrs.field(default=None, repr=False)
    html: str | None = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] = attrs.field(default=_NOTHING, repr=False)
    payload: Mapping[str, Any] = attrs.field(default=_NOTHING, repr=False)
    deadline: dt.datetime | None = None
    idempotency_key: str | None = attrs.field(default=None, repr=False)
    # The deadline, and where it lies on the monotonic clock, which no step of the wall clock moves.
    _expiry: tuple[dt.datetime | None, float] = attrs.field(
        default=attrs.Factory(_on_monotonic_clock, takes_self=True), eq=False, repr=False
    )
    # On the monotonic clock, too; None where no other connector could be asked.
    _begin_by: float | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def delivery_key(self) -> str:
        """The key by which a provider recognizes repetitions of this email: 64 hexadecimal digits.

        It is the same for each attempt at the message, and for each message with the same
        idempotency key and recipient; neither can be read from it. See
        `ConnectorInfo.repeatable_for`.
        """
        token, _, _ = self.message_id.lstrip("<").partition("@")
        return hashlib.sha256(f"delivery {token}".encode()).hexdigest()

    def seconds_left(self) -> float | None:
        """Return the seconds until the deadline, never negative; None where there is none."""
        deadline, expires = self._expiry
        if deadline is not self.deadline:
            # A copy with another deadline (attrs.evolve) has its own.
            deadline, expires = _on_monotonic_clock(self)
        return None if deadline is None else max(0.0, expires - time.monotonic())

    def seconds_to_begin(self) -> float | None:
        """Return the seconds until another connector is better asked; None where none can be.

        A connector that still waits for a connection then raises a `SendError` of scope
        ``network`` with ``rejected`` and ``temporary``. One that has begun has `seconds_left`.
        """
        return None if self._begin_by is None else max(0.0, self._begin_by - time.monotonic())

    def _shown(self) -> Iterator[tuple[str, object]]:
        yield "to", shortened(self.to.address)
        yield "usage", self.usage
        yield "subject", HIDDEN


@attrs.define(eq=False)
class DeliverySummary:
    """What an extension may know of a send, over all its attempts: no content.

    Attributes:
        usage: What the email is for.
        locale: The languages of `Message`, best first.
        recipient: The recipient's address, shortened: ``a…@example.com``.
        recipient_domain: The domain it goes to.
        connectors: The ID of each connector of the route by its name, in the order written.
        context: What the application gave the message for extensions.
        receipt: The receipt of an accepted email, once there is one; else None.
    """

    usage: str
    locale: tuple[str, ...]
    recipient: str
    recipient_domain: str
    connectors: Mapping[str, str]
    context: Mapping[str, Any] = attrs.field(default=_NOTHING, repr=False)
    receipt: Receipt | None = attrs.field(default=None, init=False)


@attrs.frozen
class MailSummary:
    """What an extension may know of an email, for traces, metrics and rate limits: no content.

    Attributes:
        connector: The name of the connector that the attempt goes through: its key in the
            application's settings, else its ID.
        usage: What the email is for.
        locale: The locale of `Mail`.
        recipient: The recipient's address, shortened: ``a…@example.com``.
        recipient_domain: The domain it goes to.
        message_id: The email's Message-ID.
        attempt: Which attempt of the send this is, over all connectors, counted from 1.
        context: What the application gave the message for extensions.
    """

    connector: str
    usage: str
    locale: str | None
    recipient: str
    recipient_domain: str
    message_id: str
    attempt: int
    context: Mapping[str, Any] = attrs.field(default=_NOTHING, repr=False)


@attrs.frozen
class Receipt:
    """A provider's acceptance of one email: it has it now, and will deliver or bounce it.

    Connectors fill in `provider_id` and `response`; passpost fills in the rest.

    Attributes:
        provider_id: The provider's own ID of the email (queue ID, EnvId), if it returned one.
        response: The provider's words on acceptance.
        connector: The name of the connector that it went through: its key in the application's
            settings, else its ID.
        message_id: The email's Message-ID.
        attempts: Every try, the last of which succeeded.
        accepted_at: When the provider accepted it, in UTC.
        replayed: Whether it is the receipt of an earlier send with the same idempotency key.
    """

    provider_id: str | None = None
    response: str | None = None
    connector: str = ""
    message_id: str = ""
    attempts: tuple[Attempt, ...] = ()
    accepted_at: dt.datetime = attrs.field(factory=lambda: dt.datetime.now(dt.UTC))
    replayed: bool = False

    def complete(self, connector: str, message_id: str, attempts: tuple[Attempt, ...]) -> bool:
        """Fill in what passpost knows, and return whether that was still to be done.

        A connector may return one receipt for several emails: it becomes that of the first.
        """
        if self.message_id:
            return False
        # First of all: mailers in other threads see that it is taken.
        object.__setattr__(self, "message_id", message_id)
        object.__setattr__(self, "connector", connector)
        object.__setattr__(self, "attempts", attempts)
        return True
