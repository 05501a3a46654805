"""What an SMTP server for tests offers, and what it demands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TlsMode = Literal["starttls", "implicit"]

MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")
"""The ways to sign in that the server knows, in the order it offers them."""

EXTENSIONS: Final = (
    "PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES",
)  # fmt: skip
"""What the server offers unless it is told otherwise."""

_KNOWN: Final = frozenset(extension.partition(" ")[0] for extension in EXTENSIONS)

MAX_COMMAND: Final = 512
"""Octets in a command line with its CRLF (RFC 5321 section 4.5.3.1.4)."""

MAX_SASL: Final = 12288
"""Octets in a line of an AUTH exchange (RFC 4954 section 4)."""

MAX_TEXT_LINE: Final = 1000
"""Octets in a line of an email with its CRLF (RFC 5321 section 4.5.3.1.6)."""


def _extensions(names: Iterable[str]) -> Mapping[str, str]:
    given = [name.upper().partition(" ") for name in names]
    if unknown := {name for name, _, _ in given} - _KNOWN:
        raise ValueError(f"unknown extensions {sorted(unknown)}; known are {sorted(_KNOWN)}")
    for name, _, value in given:
        if value and not (name == "SIZE" and value.isdecimal()):
            raise ValueError(f"extension {name} has no parameter {value!r}")
    return {name: value for name, _, value in given}


def _mechanisms(names: Iterable[str]) -> tuple[str, ...]:
    given = tuple(name.upper() for name in names)
    if unknown := set(given) - set(MECHANISMS):
        raise ValueError(f"unknown mechanisms {sorted(unknown)}; known are {list(MECHANISMS)}")
    return given


@attrs.frozen(kw_only=True)
class Rules:
    """What a server offers, and what it demands.

    Attributes:
        name: The server's own name.
        tls: How TLS comes up, or None: not at all.
        users: Passwords (for XOAUTH2: tokens) by user; None: no AUTH is offered.
        mechanisms: The ways to sign in that are offered.
        extensions: What is offered and kept to, by name with their parameters.
        require_auth: Whether MAIL is rejected before AUTH.
        require_tls: Whether AUTH and MAIL are rejected without TLS.
        auth_in_clear: Whether AUTH is offered before STARTTLS, as careless servers do.

    Raises:
        ValueError: An extension or a mechanism is unknown.
    """

    name: str = "mail.example.test"
    tls: TlsMode | None = None
    users: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    mechanisms: tuple[str, ...] = attrs.field(default=MECHANISMS, converter=_mechanisms)
    extensions: Mapping[str, str] = attrs.field(default=EXTENSIONS, converter=_extensions)
    require_auth: bool = False
    require_tls: bool = False
    auth_in_clear: bool = False

    @property
    def size(self) -> int | None:
        """The most octets that an email may have (RFC 1870), or None: no limit is announced."""
        return int(self.extensions.get("SIZE") or 0) or None

    def offers_auth(self, *, under_tls: bool) -> bool:
        """Whether AUTH is offered in the present state."""
        safe = under_tls or self.tls is None or self.auth_in_clear
        return self.users is not None and safe

    def ehlo(self, *, under_tls: bool) -> list[str]:
        """Return the lines of the reply to EHLO."""
        lines = [f"{self.name} at your service"]
        lines += [f"{name} {value}".strip() for name, value in self.extensions.items()]
        if self.tls == "starttls" and not under_tls:
            lines.append("STARTTLS")
        if self.offers_auth(under_tls=under_tls):
            lines.append(f"AUTH {' '.join(self.mechanisms)}")
        return lines

    def command_limit(self, verb: str) -> int:
        """Return the most octets that a command line may have with its CRLF."""
        if verb == "AUTH":
            return MAX_SASL
        more = {"SIZE": 26, "8BITMIME": 17, "SMTPUTF8": 10}  # RFC 1870, RFC 6152, RFC 6531
        if verb == "MAIL":
            return MAX_COMMAND + sum(more.get(name, 0) for name in self.extensions)
        return MAX_COMMAND + (10 if verb == "RCPT" and "SMTPUTF8" in self.extensions else 0)


_ENHANCED: Final = re.compile(r"(?m)^(\d{3}[ -])[245]\.\d{1,3}\.\d{1,3} ")


def without_enhanced_codes(reply: str) -> str:
    """Return a reply as a server writes it that does not offer ENHANCEDSTATUSCODES (RFC 2034)."""
    return _ENHANCED.sub(r"\1", reply)


__all__ = [
    "EXTENSIONS", "MAX_COMMAND", "MAX_SASL", "MAX_TEXT_LINE", "MECHANISMS", "Rules", "TlsMode",
    "without_enhanced_codes",
]  # fmt: skip
