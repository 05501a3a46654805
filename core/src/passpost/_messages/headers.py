"""Headers that an application or an operator may add to an email (RFC 5322 section 3.6.8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from passpost._phrases import _
from passpost._text import refused_in_line

MAX_VALUE: Final = 2000
"""Characters in a header's value; longer ones are cut or rejected on their way."""

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")

# Who wrote to whom, when, and how the body is encoded, is passpost's own business: a second
# header of these names would say something else to some readers. Who vouches for it is said by the
# servers on its way.
RESERVED: Final = frozenset(
    {
        "apparently-to",
        "arc-authentication-results",
        "arc-message-signature",
        "arc-seal",
        "authentication-results",
        "bcc",
        "cc",
        "content-disposition",
        "content-transfer-encoding",
        "content-type",
        "date",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "from",
        "message-id",
        "mime-version",
        "received",
        "received-spf",
        "reply-to",
        "resent-bcc",
        "resent-cc",
        "resent-date",
        "resent-from",
        "resent-message-id",
        "resent-sender",
        "resent-to",
        "return-path",
        "sender",
        "subject",
        "to",
    }
)

# Providers and servers read these as orders: some send a copy to whom they name, and some set the
# envelope.
ORDERS: Final = frozenset(
    {
        "envelope-to",
        "original-recipient",
        "x-envelope-to",
        "x-mc-bccaddress",
        "x-original-to",
        "x-pm-bcc",
        "x-rcpt-to",
        "x-receiver",
        "x-sender",
        "x-smtpapi",
    }
)

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def check_name(name: str) -> str | None:
    """Return why a header of this name is not allowed, or None if it is."""
    if not _NAME.fullmatch(name):
        return _("a header's name is 1 to 76 printable ASCII characters other than a colon")
    if name.lower() in RESERVED:
        return _("this header is made by passpost and cannot be set")
    if name.lower() in ORDERS:
        return _("this header gives orders to servers, such as more recipients, and cannot be set")
    return None


def check_value(value: str) -> str | None:
    """Return why a header must not have this value, or None if it may."""
    if refused := refused_in_line(value):
        return _("{what} is not allowed in a header", what=refused)
    if len(value) > MAX_VALUE:
        return _("a header's value has at most {max_value} characters", max_value=MAX_VALUE)
    return None


def frozen_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Copy and check the headers of a message.

    Raises:
        ValueError: What is wrong, with the header's name where that is safe to repeat.
    """
    if not isinstance(headers, Mapping):
        raise ValueError(_("headers are a mapping of names to texts"))  # noqa: TRY004 - callers catch one kind
    if not headers:
        return _NO_HEADERS
    items: Iterable[tuple[Any, Any]] = headers.items()
    for name, value in items:
        if not isinstance(name, str) or not isinstance(value, str):
            raise ValueError(_("headers are a mapping of names to texts"))  # noqa: TRY004 - likewise
        if reason := check_name(name):
            raise ValueError(reason)
        if reason := check_value(value):
            raise ValueError(_("{name}: {reason}", name=name, reason=reason))
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError(_("a header is given twice in different spellings"))
    return MappingProxyType(dict(headers))
