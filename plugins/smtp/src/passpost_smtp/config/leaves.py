"""What the settings are made of: texts with a syntax of their own, and names in two languages."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, Self, TypedDict
from urllib.parse import urlsplit

from passpost.config import Invalid
from passpost.wire import refused_in_line
from passpost_smtp import _

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_DOMAIN: Final = 255


def _single_line(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(_("not text"), _("put the value in double quotes"))
    if refused := refused_in_line(value):
        raise Invalid(_("{character} is not allowed here", character=refused))
    return value


def is_ip(text: str) -> bool:
    """Return whether a text is an IP address without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class EhloName(str):
    """A name for EHLO: a domain or an address literal in ASCII."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return the name.

        Raises:
            Invalid: It is not allowed in EHLO (RFC 5321 section 4.1.1.1).
        """
        text = _single_line(value)
        if not text.isascii():
            raise Invalid(
                _("not ASCII: servers reject the name in EHLO with 501"),
                _("write the domain in its xn-- form"),
                code="smtp-E8",
            )
        if not is_domain(text) and not _is_literal(text):
            raise Invalid(
                _("not a valid name for EHLO"),
                _("set it to a hostname such as `mail.example.com`, or to `[192.0.2.1]`"),
                code="smtp-E8",
            )
        return cls(text)


def is_domain(text: str) -> bool:
    """Return whether a text is a domain that EHLO allows."""
    return len(text) <= _MAX_DOMAIN and _DOMAIN.fullmatch(text) is not None


def _is_literal(text: str) -> bool:
    inner = text.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    return is_ip(inner) and text == address_literal(inner)


def address_literal(address: str) -> str:
    """Return an IP address as a literal (RFC 5321 section 4.1.3): ``[IPv6:2001:db8::1]``."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class IpAddress(str):
    """An IP address of this machine, to connect from."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return the address.

        Raises:
            Invalid: It is not an IP address.
        """
        text = _single_line(value)
        if not is_ip(text):
            raise Invalid(
                _("not an IP address"),
                _("set it to an address of this machine, such as `192.0.2.1`"),
                code="smtp-E9",
            )
        return cls(text)


class TokenUrl(str):
    """A URL that issues OAuth2 tokens: HTTPS, since the request contains a secret."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return the URL.

        Raises:
            Invalid: It is not a URL, or it would show the secret to the network.
        """
        text = _single_line(value)
        scheme, host = _split(text)
        if not host:
            raise Invalid(
                _("not a valid URL"),
                _("for example, `https://oauth2.googleapis.com/token`"),
                code="smtp-E10",
            )
        # Plain HTTP stays within the machine on loopback, where tests have their servers.
        if scheme != "https" and not (scheme == "http" and host in {"127.0.0.1", "::1"}):
            raise Invalid(
                _("would send a secret unencrypted"),
                _("use https, such as `https://oauth2.googleapis.com/token`"),
                code="smtp-E10",
            )
        return cls(text)


def _split(text: str) -> tuple[str, str]:
    try:
        parts = urlsplit(text)
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""


class Said(TypedDict):
    """The arguments of `passpost.config.field` that hold words."""

    title: dict[str, str]
    description: dict[str, str]


def said(title: str, title_zh: str, description: str, description_zh: str) -> Said:
    """Return a title and a description in English and Chinese, as arguments of `field`."""
    return {
        "title": {"en": title, "zh-CN": title_zh},
        "description": {"en": description, "zh-CN": description_zh},
    }
