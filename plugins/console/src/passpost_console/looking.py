"""What an email of a template looks like, with sample data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost.phrases import said
from passpost_console.phrases import _
from passpost_tools.setup.questions import is_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARGUMENTS: Final = {
    "usageType": "usage_type", "locale": "locale", "subject": "subject", "content": "content",
    "contentType": "content_type", "text": "text", "replyTo": "reply_to", "sendFrom": "send_from",
}  # fmt: skip
_KEEP: Final = ("keep", "blank")


@attrs.frozen(kw_only=True)
class Look:
    """What an email looks like.

    Attributes:
        subject: The subject.
        sender: The sender; empty for the connector's own.
        reply_to: The address for replies; empty for none.
        html: The HTML; None if it has none.
        text: The plain text; None if it has none.
        notes: What would keep the email from being sent, or what the preview cannot show.
    """

    subject: str = ""
    sender: str = ""
    reply_to: str = ""
    html: str | None = attrs.field(default=None, repr=False)
    text: str | None = attrs.field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to look at."""
        return self.html is not None or self.text is not None


def look_at(
    values: Mapping[str, Any], payload: Mapping[str, Any], content_type: str, missing: str
) -> Look:
    """Render a template.

    Args:
        values: The template as it is written.
        payload: The data.
        content_type: What the content is if the template does not say.
        missing: The setting ``missingVariables``.
    """
    notes = tuple(
        _("`{key}` is read from elsewhere, and is not shown here", key=key)
        for key, value in values.items()
        if is_reference(value)
    )
    known = {_ARGUMENTS[key]: value for key, value in values.items() if key in _ARGUMENTS}
    try:
        template = passpost.Template(**known)
    except (passpost.ConfigError, TypeError):
        return Look(notes=(*notes, _("Correct the errors first: then the email is shown.")))
    given: Any = content_type
    if missing not in _KEEP:
        try:
            return _look(template.render(payload, content_type=given), notes)
        except passpost.MissingVariable as error:
            lacking = error.variable
            notes += (_("not sent: the data lacks `{name}`", name=lacking),)
        except passpost.MessageError as error:
            return Look(notes=(*notes, said(error)))
    kept: Any = missing if missing in _KEEP else "keep"
    try:
        return _look(template.render(payload, content_type=given, missing=kept), notes)
    except passpost.MessageError as error:
        return Look(notes=(*notes, said(error)))


def _look(rendered: Any, notes: tuple[str, ...]) -> Look:
    return Look(
        subject=rendered.subject,
        sender=str(rendered.sender or ""),
        reply_to=str(rendered.reply_to or ""),
        html=rendered.html,
        text=rendered.text,
        notes=notes,
    )


def payload_of(text: str) -> tuple[dict[str, Any], str]:
    """Return the data that an input contains, and what is wrong with it: empty if nothing is."""
    try:
        payload = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        return {}, _("not valid JSON, at line {line}", line=line)
    if not isinstance(payload, dict):
        return {}, _("write an object: `{example}`", example='{"code": "482913"}')
    return payload, ""
