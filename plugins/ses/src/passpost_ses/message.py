"""Makes the JSON of ``SendEmail``, and checks its limits before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from passpost import SendError
from passpost.http import ascii_headers, literal, mailbox_text
from passpost_ses import _

if TYPE_CHECKING:
    from passpost import Mail
    from passpost_ses.config import SesConfig

MAX_HEADERS: Final = 15
"""Headers that an email may add (API reference, ``Message``)."""
MAX_NAME: Final = 126
"""Characters in a header's name (API reference, ``MessageHeader``)."""
MAX_VALUE: Final = 995
"""Characters in a header's value (likewise)."""
MAX_HEADER: Final = 996
"""Characters in both together (likewise)."""


def send_email(config: SesConfig, mail: Mail) -> dict[str, Any]:
    """Return the JSON of an email.

    Raises:
        SendError: It has headers that SES would reject.
    """
    reply_to = mail.reply_to or config.reply_to
    named = config.configuration_set_name
    return {
        "FromEmailAddress": mailbox_text(mail.sender or config.from_email),
        "Destination": {"ToAddresses": [mail.to.wire]},
        **({"ReplyToAddresses": [mailbox_text(reply_to)]} if reply_to else {}),
        "Content": {"Simple": _simple(mail)},
        **({"ConfigurationSetName": named} if named else {}),
    }


def _simple(mail: Mail) -> dict[str, Any]:
    bodies = {"Text": mail.text, "Html": mail.html}
    headers = ascii_headers(mail.headers, {"Auto-Submitted": "auto-generated"})
    _check(headers)
    return {
        "Subject": _content(literal(mail.subject or "")),
        "Body": {kind: _content(text) for kind, text in bodies.items() if text is not None},
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
    }


def _content(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _check(headers: Mapping[str, str]) -> None:
    if len(headers) > MAX_HEADERS:
        raise _refusal(
            _("SES allows at most {most} headers, including Auto-Submitted", most=MAX_HEADERS)
        )
    for name, value in headers.items():
        fits = 0 < len(value) <= MAX_VALUE and len(name) + len(value) <= MAX_HEADER
        if not fits or len(name) > MAX_NAME:
            raise _refusal(_("the header {name} is empty, or longer than SES allows", name=name))


def _refusal(says: str) -> SendError:
    return SendError(says, outcome="rejected", scope="message")
