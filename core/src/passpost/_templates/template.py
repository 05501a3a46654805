"""Templates: what an email says, for one usage and perhaps one language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

import attrs

from passpost._config.fields import field, rule
from passpost._discreet import HIDDEN, Discreet
from passpost._messages.locales import LanguageTag
from passpost._messages.usages import UsageName
from passpost._phrases import _
from passpost._problems import Invalid, Problem
from passpost._templates.checks import ContentType, check_content, check_placeholders, check_usage
from passpost._templates.rendering import (
    CONTENT_HTML,
    CONTENT_TEXT,
    REPLY_TO,
    SEND_FROM,
    SUBJECT,
    TEXT,
    Missing,
    Place,
)
from passpost._templates.texts import TemplateAddress, TemplateLine, TemplateText
from passpost._wording import did_you_mean, nearest
from passpost.errors import ConfigError, MessageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from passpost._messages.addresses import Address


@attrs.frozen(kw_only=True, repr=False, eq=False)
class Rendered(Discreet):
    r"""A template filled in with a payload; its ``repr`` shows none of it.

    Attributes:
        subject: A single line, not empty.
        text: The plain text with ``\n`` line ends, or None.
        html: The HTML, likewise.
        sender: The template's own sender, or None.
        reply_to: The address for replies, or None.
    """

    subject: str = attrs.field(repr=False)
    text: str | None = attrs.field(repr=False)
    html: str | None = attrs.field(repr=False)
    sender: Address | None = attrs.field(repr=False)
    reply_to: Address | None = attrs.field(repr=False)

    def _shown(self) -> Iterator[tuple[str, object]]:
        yield "subject", HIDDEN


_SettingT = TypeVar("_SettingT", bound="_Setting")


class _Setting(Protocol):
    @classmethod
    def from_setting(cls, value: object) -> Self: ...


def _read(kind: type[_SettingT], value: object, key: str) -> _SettingT:
    if isinstance(value, kind):
        return value
    try:
        return kind.from_setting(value)
    except Invalid as error:
        problem = Problem(key, error.message, error.remedy, code=error.code)
    raise ConfigError([problem])


def _usage_type(value: str) -> UsageName:
    return _read(UsageName, value, "usageType")


def _subject(value: str | TemplateLine) -> TemplateLine:
    return _read(TemplateLine, value, "subject")


def _content(value: str | TemplateText) -> TemplateText:
    return _read(TemplateText, value, "content")


def _content_type(value: ContentType | None) -> ContentType | None:
    if value not in (None, "text/plain", "text/html"):
        remedy = _("use `text/plain` or `text/html`")
        raise ConfigError(
            [Problem("contentType", _("not a valid content type"), remedy, code="E232")]
        )
    return value


def _locale(value: str | None) -> LanguageTag | None:
    return None if value is None else _read(LanguageTag, value, "locale")


def _reply_to(value: str | TemplateAddress | None) -> TemplateAddress | None:
    return None if value is None else _read(TemplateAddress, value, "replyTo")


def _send_from(value: str | TemplateAddress | None) -> TemplateAddress | None:
    return None if value is None else _read(TemplateAddress, value, "sendFrom")


def _text(value: str | TemplateText | None) -> TemplateText | None:
    return None if value is None else _read(TemplateText, value, "text")


def _metadata(**options: Any) -> Any:
    """Return the metadata of `passpost._config.fields.field`.

    mypy learns from `attrs.field` alone that a converter takes text where the attribute holds what
    was compiled of it, so the attributes are made with that and borrow the metadata.
    """
    return field(placeholders=False, **options).metadata


def _named_otherwise(name: str, known: Iterable[str]) -> str:
    return (
        f"Template has no argument {name!r}: {did_you_mean(nearest(name, known), 'remove it')} "
        "(templates as settings write them go to passpost.Mailer.from_settings)"
    )


@attrs.frozen(kw_only=True)
class Template:
    r"""What an email says for one usage, with placeholders in Mustache: ``{{user.name}}``.

    ::

        Template(usage_type="SignIn", subject="Your code", content="{{code}} is your code.")

    Values are escaped where the content is HTML, and put in as they are elsewhere. Line ends of the
    content become ``\n``. Sections, inverted sections and comments work as Mustache has them,
    partials do not.

    Args:
        usage_type: What the email is for; ``Test`` is the old name of ``Generic``.
        subject: The subject.
        content: The body.
        content_type: ``text/plain`` or ``text/html``; None leaves it to the connector.
        locale: The language of the template as a BCP 47 tag; None serves every language.
        reply_to: The address for replies: ``local@domain`` or ``Name <local@domain>``.
        send_from: A sender in place of the connector's own, likewise.
        text: The plain text that is sent together with an HTML content.

    Raises:
        ConfigError: A part is wrong; its problem's path names it.
    """

    holds_no_secret: ClassVar[bool] = True
    """Nobody need look for secrets in its compiled parts."""

    if not TYPE_CHECKING:

        def __new__(cls, *_parts: object, **named: object) -> Self:
            """Raise an error that names the argument to write in place of a setting's name."""
            known = {part.name for part in attrs.fields(cls)}
            if wrong := sorted(named.keys() - known):
                raise TypeError(_named_otherwise(wrong[0], known))
            return object.__new__(cls)

    usage_type: UsageName = attrs.field(converter=_usage_type, metadata=_metadata(example="SignIn"))
    subject: TemplateLine = attrs.field(
        converter=_subject, metadata=_metadata(example="Your verification code")
    )
    content: TemplateText = attrs.field(
        converter=_content,
        metadata=_metadata(example="{{code}} is your verification code.", multiline=True),
    )
    content_type: ContentType | None = attrs.field(
        default=None, converter=_content_type, metadata=_metadata()
    )
    locale: LanguageTag | None = attrs.field(
        default=None, converter=_locale, metadata=_metadata(example="zh-CN")
    )
    reply_to: TemplateAddress | None = attrs.field(
        default=None,
        converter=_reply_to,
        metadata=_metadata(example="Support <support@example.com>"),
    )
    send_from: TemplateAddress | None = attrs.field(
        default=None,
        converter=_send_from,
        metadata=_metadata(example="{{application.name}} <no-reply@example.com>"),
    )
    text: TemplateText | None = attrs.field(
        default=None,
        converter=_text,
        metadata=_metadata(example="{{code}} is your verification code.", multiline=True),
    )

    def __repr__(self) -> str:
        # Not all fields are set where its own constructor failed, and somebody shows the frame.
        shown = {part.name: getattr(self, part.name, None) for part in attrs.fields(type(self))}
        return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in shown.items())})"

    def render(
        self,
        payload: Mapping[str, Any],
        *,
        content_type: ContentType = "text/plain",
        missing: Missing = "error",
    ) -> Rendered:
        """Fill in a payload.

        Args:
            payload: JSON data.
            content_type: The content type if the template has none.
            missing: How a variable that the payload lacks is handled: ``error``, ``keep`` (it stays
                as written if not even its first part is known, else it is blank) or ``blank``.

        Raises:
            MissingVariable: A variable has no value, and `missing` is ``error``.
            MessageError: A value is not allowed in its place, or the subject is empty.
        """
        try:
            return self._rendered(payload, content_type, missing)
        except MessageError as error:
            failure = error.with_traceback(None)
        # Error reports show the variables of each frame: those of this one are all that are left.
        del payload
        raise failure

    def _rendered(
        self, payload: Mapping[str, Any], content_type: ContentType, missing: Missing
    ) -> Rendered:
        subject = self.subject.render(payload, SUBJECT, missing)
        if not subject or subject.isspace():
            raise MessageError(_("the subject is empty with this payload"), field="subject")
        text, html = self._bodies(payload, content_type, missing)
        return Rendered(
            subject=subject,
            text=text,
            html=html,
            sender=_address(self.send_from, payload, SEND_FROM, missing),
            reply_to=_address(self.reply_to, payload, REPLY_TO, missing),
        )

    def _bodies(
        self, payload: Mapping[str, Any], content_type: ContentType, missing: Missing
    ) -> tuple[str | None, str | None]:
        if (self.content_type or content_type) == "text/plain":
            return self.content.render(payload, CONTENT_TEXT, missing), None
        html = self.content.render(payload, CONTENT_HTML, missing)
        if self.text is None:
            return None, html
        return self.text.render(payload, TEXT, missing), html

    @rule("usage_type")
    def _check_usage(self) -> Iterator[Problem]:
        return check_usage(self.usage_type)

    @rule("subject")
    def _check_subject(self) -> Iterator[Problem]:
        return check_placeholders("subject", self.subject)

    @rule("usage_type", "content")
    def _check_content(self) -> Iterator[Problem]:
        return check_placeholders("content", self.content, self.usage_type)

    @rule("usage_type", "text")
    def _check_text(self) -> Iterator[Problem]:
        if self.text is not None:
            yield from check_placeholders("text", self.text, self.usage_type)

    @rule("content", "content_type", "text")
    def _check_content_type(self) -> Iterator[Problem]:
        if self.content_type is not None:
            yield from check_content(self.content, self.text, self.content_type)


def _address(
    template: TemplateAddress | None, payload: Mapping[str, Any], place: Place, missing: Missing
) -> Address | None:
    return None if template is None else template.render(payload, place, missing)
