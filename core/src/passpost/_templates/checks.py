"""Warnings: what is unlikely to be meant in templates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from passpost._messages.usages import KNOWN_USAGES
from passpost._phrases import _
from passpost._problems import Problem
from passpost._wording import did_you_mean, enumerated, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from passpost._templates.texts import TemplateText

ContentType = Literal["text/plain", "text/html"]
"""What a template's content is."""

_TAG: Final = re.compile(
    r"<(?:!doctype|html|head|body|div|p|br|a|table|t[rd]|span|h[1-6]|b|strong|img|style|center|ul|li)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)

_UNPROTECTED: Final = {
    "unquoted": (
        _("in an attribute without quotes"),
        _('write quotes around it: `href="{{url}}"`'),
    ),
    "tag": (_("in a tag, outside of an attribute"), _("move it into a quoted attribute")),
    "style": (_("in a style"), _("write the style without variables")),
    "script": (_("in a script"), _("remove the script: email programs do not run it")),
}


def check_usage(usage: str) -> Iterator[Problem]:
    """Warn of a usage that no flow asks for."""
    if usage not in KNOWN_USAGES:
        otherwise = _("keep it if the application sends messages with this usage")
        remedy = did_you_mean(nearest(usage, KNOWN_USAGES), otherwise)
        yield Problem("usageType", _("unknown usage"), remedy, "warning", code="W201")


def check_placeholders(key: str, text: TemplateText, usage: str | None = None) -> Iterator[Problem]:
    """Warn of a text whose placeholder lost its braces, or of a body that has none.

    Args:
        key: The setting.
        text: Its text.
        usage: What the body is for; None if the text is not a body.
    """
    if found := text.mangled():
        message = _("`{found}` looks like a placeholder without its double braces", found=found)
        remedy = _("write `{{{{{name}}}}}`", name=found.strip("{ }"))
        yield Problem(key, message, remedy, "warning", code="W202")
    elif text.constant and usage in KNOWN_USAGES:
        message = _("no placeholder: every email has the same text, without a code or a link")
        yield Problem(
            key, message, _("write `{{code}}` in place of the code"), "warning", code="W203"
        )


def check_content(
    content: TemplateText, text: TemplateText | None, content_type: ContentType
) -> Iterator[Problem]:
    """Warn of what does not go with a content type, whether the template or its connector says it.

    Args:
        content: The body.
        text: The plain text beside it.
        content_type: What the content is.
    """
    if content_type == "text/html":
        yield from _check_html(content)
        return
    if _TAG.search(content.source):
        message = _("looks like HTML, but is sent as plain text")
        remedy = _("set `contentType` to `text/html`")
        yield Problem("content", message, remedy, "warning", code="W206")
    if text is not None:
        message = _("not used: the content is plain text already")
        remedy = _("set `contentType` to `text/html`, or remove `text`")
        yield Problem("text", message, remedy, "warning", code="W207")


def _check_html(content: TemplateText) -> Iterator[Problem]:
    for context, name in content.contexts:
        if context in _UNPROTECTED:
            where, remedy = _UNPROTECTED[context]
            message = _(
                "`{name}` is {where}, where escaping for HTML does not protect",
                name=name,
                where=where,
            )
            yield Problem("content", message, remedy, "warning", code="W204")
    if content.raw_variables:
        names = enumerated(f"`{name}`" for name in content.raw_variables)
        message = _(
            "not escaped: markup in the value of {names} becomes part of the email", names=names
        )
        remedy = _(
            "write `{{{{{name}}}}}`, with two braces",
            name=content.raw_variables[0],
        )
        yield Problem("content", message, remedy, "warning", code="W205")
