"""Types of settings that are more than JSON's own."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Self

from passpost._messages.addresses import MAX_DOMAIN, ascii_domain
from passpost._phrases import _
from passpost._problems import Invalid
from passpost._text import refused_in_line

# The address is what earlier settings that passpost accepts had as their example.
_PLACEHOLDER: Final = re.compile(r"\s*<(?:[^<>@]*|noreply@logto\.io)>\s*")

# A password may be anything in angle brackets: only words that guides write there count.
_SECRET_PLACEHOLDER: Final = re.compile(
    r"\s*<\s*(?=[^>]*(?:your|pass|secret|key|token|credential|placeholder|code))"
    r"[a-z]+(?:[ _-][a-z0-9]+)*\s*>\s*",
    re.IGNORECASE,
)

# What looks like a reference, in the ways of shells, of Windows and of templates.
_NEARLY_REFERENCE: Final = re.compile(
    r"\$[A-Z_][A-Z0-9_]*|%[A-Za-z_][A-Za-z0-9_]*%|\{\{\s*[A-Za-z_][A-Za-z0-9_.]*\s*\}\}"
    r"|.*\$\{(?:file:[^{}]*|[A-Za-z_][A-Za-z0-9_]*)\}.*",
    re.DOTALL,
)

# Hostnames have no underscores, but names that container networks resolve do.
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_DIGITS: Final = re.compile(r"[0-9.]+")
_MISTAKES: Final = (
    (re.compile(r"\s.*|.*\s"), _("remove the spaces around it")),
    (re.compile(r".*[/@].*"), _("write the hostname only, without scheme, user or path")),
    (re.compile(r"(?:[^:]+|\[.*\]):[0-9]+"), _("write the hostname only: the port is a setting")),
    (re.compile(r"\[.*\]"), _("write an IPv6 address without brackets")),
)


def is_placeholder(text: str) -> bool:
    """Return whether a text is a ``< your-thing >`` that a guide or preset leaves to fill in."""
    return _PLACEHOLDER.fullmatch(text) is not None


def is_secret_placeholder(text: str) -> bool:
    """Return whether a secret is a placeholder such as ``<your-password>``, and not a real one.

    It is one if it consists of words and single separators, and one word is of those in guides.
    """
    return _SECRET_PLACEHOLDER.fullmatch(text) is not None


def doubt_of_secret(text: str) -> tuple[str, str, str] | None:
    """Return code, message and remedy of a secret that is probably a mistake; None for most."""
    if _NEARLY_REFERENCE.fullmatch(text):
        return (
            "W102",
            _("looks like a reference, but is used unchanged"),
            _("write `${NAME}` without anything before or after it"),
        )
    if is_placeholder(text) and not is_secret_placeholder(text):
        return (
            "W103",
            _("looks like a placeholder, but is used unchanged"),
            _("write the secret itself, unless the angle brackets are a part of it"),
        )
    # Line ends are those of a key in PEM.
    line = text.strip("\r\n")
    if line != line.strip():
        remedy = _("remove the white space, unless it is a part of the secret")
        return "W104", _("begins or ends with white space"), remedy
    return None


class HostName(str):
    """A DNS name, perhaps internationalized, or an IP address without brackets."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return a hostname, or a placeholder, which gets its warning later.

        Raises:
            Invalid: It is not a valid hostname.
        """
        if not isinstance(value, str):
            raise Invalid(_("must be text"), _("put it in double quotes"), code="E103")
        host = str(value)
        if is_placeholder(host):
            return cls(host)
        if refused := refused_in_line(host):
            raise Invalid(_("{what} is not allowed in a hostname", what=refused), code="E341")
        if remedy := _not_a_host(host):
            raise Invalid(_("not a valid hostname"), remedy, code="E340")
        return cls(host)

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address."""
        return _is_address(self)

    @property
    def ascii(self) -> str:
        """The name in its ASCII form (A-labels, RFC 5890), as DNS and TLS require it."""
        return str(self) if self.is_address else ascii_domain(self)


def _not_a_host(host: str) -> str | None:
    """Return how to fix a text that is not a valid hostname; None if it is valid."""
    if _is_address(host) or _is_name(host):
        return None
    for mistake, remedy in _MISTAKES:
        if mistake.fullmatch(host):
            return remedy
    return _("write a name such as `smtp.example.com`, or an IP address")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    # Resolvers read digits alone, as in 127.1, as an address that nobody would recognize.
    if _DIGITS.fullmatch(host):
        return False
    try:
        name = ascii_domain(host.removesuffix("."))
    except ValueError:
        return False
    return len(name) <= MAX_DOMAIN and all(_LABEL.fullmatch(label) for label in name.split("."))
