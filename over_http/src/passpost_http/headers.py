"""Addresses and headers in the forms that providers' APIs expect."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from email.header import Header

from passpost._messages.addresses import Address
from passpost._secret import Secret


def mailbox(address: Address) -> dict[str, str]:
    """Return an address as in most providers' JSON: ``email``, and perhaps ``name``."""
    named = {"name": literal(address.name)} if address.name else {}
    return {"email": address.wire, **named}


def mailbox_text(address: Address) -> str:
    """Return an address as one ASCII text: ``Name <local@domain>`` (RFC 5322)."""
    if _is_plain(address.name):
        return str(Address(address.wire, address.name))
    return f"{encoded_words(address.name)} <{address.wire}>"


def ascii_headers(
    headers: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return headers whose values are ASCII characters, for providers that encode none themselves.

    Args:
        headers: The headers of the email.
        defaults: Headers that the connector adds, unless the email has them in whatever case.
    """
    given = {name.lower() for name in headers}
    added = {name: value for name, value in (defaults or {}).items() if name.lower() not in given}
    return {name: encoded_words(value) for name, value in {**added, **headers}.items()}


def literal(text: str) -> str:
    """Return a text for a provider that encodes subjects and names itself.

    What looks like an encoded word is encoded, since the provider would pass it on as it is, and
    readers would show what it stands for: line breaks and other characters that are not allowed.
    """
    return encoded_words(text) if "=?" in text else text


def encoded_words(text: str) -> str:
    """Return the value of a header as ASCII: unchanged, or in encoded words (RFC 2047).

    The words are on one line with spaces between them; the provider folds it.
    """
    return text if _is_plain(text) else Header(text, "utf-8").encode(maxlinelen=75, linesep="")


def basic_auth(user: str, password: Secret | str) -> dict[str, str]:
    """Return the header ``Authorization`` for a user name and a password (RFC 7617).

    Raises:
        ValueError: The user name has a colon, which ends it.
    """
    if ":" in user:
        raise ValueError("a user name for basic authentication must not have a colon")
    word = password.reveal() if isinstance(password, Secret) else password
    return {"authorization": f"Basic {b64encode(f'{user}:{word}'.encode()).decode()}"}


def _is_plain(text: str) -> bool:
    # Email programs would decode what looks like an encoded word.
    return text.isascii() and "=?" not in text
