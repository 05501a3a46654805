"""Turns an email into the parameters of SingleSendMail, and rejects what the service rejects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from passpost import Address, SendError
from passpost.errors import Scope
from passpost.http import literal
from passpost.phrases import said
from passpost.wire import check_name, refused_in_line
from passpost_aliyun_dm import _
from passpost_aliyun_dm.config import MAX_ALIAS, MAX_SUBJECT, AliyunDmConfig

if TYPE_CHECKING:
    from passpost import Mail

MAX_HEADERS: Final = 10
"""Headers of an email; the service silently drops any more."""
MAX_FORM: Final = 8_000_000
"""Octets in the form: the service accepts about 8 MB in a body."""

_STANDARD_HEADERS: Final = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
_OWN_HEADERS: Final = "x-user-"


def parameters(config: AliyunDmConfig, mail: Mail) -> dict[str, str]:
    """Return the parameters of SingleSendMail for one email.

    Raises:
        SendError: The service would reject the email; nothing was sent.
    """
    sender = mail.sender or config.account_name
    form = {
        "AccountName": _one_address(sender, "account", _("the sender")),
        "AddressType": "1",
        "ReplyToAddress": "false",
        "ToAddress": _one_address(mail.to, "recipient", _("the recipient")),
        "Subject": _subject(mail.subject),
        "Headers": _headers(mail),
    }
    alias = (mail.sender.name if mail.sender else "") or config.from_alias
    if alias:
        form["FromAlias"] = _alias(alias)
    _add_content(form, mail)
    _add_reply_to(form, mail.reply_to or config.reply_to)
    _add_tracking(form, config)
    return form


def header_problem(name: str, value: str) -> str | None:
    """Return why the service would not add a header, or None if it would."""
    lower = name.lower()
    if lower not in _STANDARD_HEADERS and not lower.startswith(_OWN_HEADERS):
        return _(
            "Direct Mail adds List-Unsubscribe, List-Unsubscribe-Post and headers whose names "
            "begin with X-User-, and no others"
        )
    if not value.isascii() or refused_in_line(value):
        return _("Direct Mail allows only printable ASCII in a header")
    return None


def _add_content(form: dict[str, str], mail: Mail) -> None:
    """Add the body: the service accepts HTML or plain text, not both."""
    if mail.html is not None:
        form["HtmlBody"] = mail.html
    elif mail.text is not None:
        form["TextBody"] = mail.text
    if not (mail.html or mail.text):
        raise _refusal("message", _("the email has no content"))


def _add_reply_to(form: dict[str, str], reply_to: Address | None) -> None:
    if reply_to is None:
        return
    form["ReplyAddress"] = _one_address(reply_to, "message", _("the Reply-To address"))
    if reply_to.name:
        name = _line(reply_to.name, "message", _("the Reply-To name"))
        form["ReplyAddressAlias"] = literal(name)


def _add_tracking(form: dict[str, str], config: AliyunDmConfig) -> None:
    if config.tag_name:
        form["TagName"] = config.tag_name
    if config.click_trace:
        form["ClickTrace"] = "1"


def _subject(subject: str | None) -> str:
    if not subject:
        raise _refusal("message", _("the email has no subject, which Direct Mail requires"))
    if len(subject) > MAX_SUBJECT:
        raise _refusal(
            "message", _("the subject has more than {most} characters", most=MAX_SUBJECT)
        )
    return literal(_line(subject, "message", _("the subject")))


def _alias(alias: str) -> str:
    alias = literal(alias)
    if len(alias) > MAX_ALIAS:
        raise _refusal(
            "message",
            _("the sender's display name has more than {most} characters", most=MAX_ALIAS),
        )
    return _line(alias, "message", _("the sender's display name"))


def _headers(mail: Mail) -> str:
    """Return the headers as JSON, including the Message-ID, which counts as well."""
    headers = {"Message-ID": _line(mail.message_id, "message", _("the Message-ID"))}
    for name, value in mail.headers.items():
        if problem := check_name(name):
            raise _refusal("message", _("a header cannot be added: {problem}", problem=problem))
        if problem := header_problem(name, value):
            reason = _("the header {name} cannot be added: {problem}", name=name, problem=problem)
            raise _refusal("message", reason)
        headers[name] = value
    if len(headers) > MAX_HEADERS:
        raise _refusal(
            "message",
            _(
                "Direct Mail allows {most} headers, including the Message-ID",
                most=MAX_HEADERS,
            ),
        )
    return json.dumps(headers)


def _one_address(address: Address, scope: Scope, what: str) -> str:
    """Return an address for the wire: the service would send to each part of a list."""
    try:
        return Address.plain(address.address).wire
    except ValueError as error:
        problem = said(error)
    raise _refusal(scope, _("{what} is not valid: {problem}", what=what, problem=problem))


def _line(text: str, scope: Scope, what: str) -> str:
    if refused := refused_in_line(text):
        reason = _(
            "{what} contains {character}, which is not allowed", what=what, character=refused
        )
        raise _refusal(scope, reason)
    return text


def _refusal(scope: Scope, message: str) -> SendError:
    return SendError(message, outcome="rejected", scope=scope)
