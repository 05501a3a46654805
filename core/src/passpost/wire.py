"""What connectors share on the way to a provider: connecting, header rules, texts, redaction.

A connector imports from `passpost`, `passpost.config`, `passpost.http`, `passpost.errors`,
`passpost.hookspecs` and this module. Every other module of passpost is private.
"""

from __future__ import annotations

from passpost._messages.addresses import ascii_domain
from passpost._messages.headers import check_name, check_value
from passpost._messages.payload import texts_in
from passpost._network import dial
from passpost._network.reachable import UnreachableAddressError
from passpost._redaction.redactor import Redactor
from passpost._templates.checks import ContentType
from passpost._text import refused_in_body, refused_in_line
from passpost._wording import did_you_mean, nearest
from passpost.errors import Outcome, Scope

__all__ = [
    "ContentType",
    "Outcome",
    "Redactor",
    "Scope",
    "UnreachableAddressError",
    "ascii_domain",
    "check_name",
    "check_value",
    "dial",
    "did_you_mean",
    "nearest",
    "refused_in_body",
    "refused_in_line",
    "texts_in",
]
