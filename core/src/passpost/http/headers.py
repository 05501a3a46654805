"""Addresses and headers as providers' interfaces want them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from email.header import Header

from passpost.addresses import Address
from passpost.secret import Secret


def mailbox(address: Address) -> dict[str, str]:
    """Give an address as most providers' JSON has it: ``email``, and perhaps ``name``."""
    named = {"name": address.name} if address.name else {}
    return {"email": address.wire, **named}


def mailbox_text(address: Address) -> str:
    """Give an address as one text of ASCII characters: ``Name <local@domain>`` (RFC 5322)."""
    if _is_plain(address.name):
        return str(Address(address.wire, address.name))
    return f"{encoded_words(address.name)} <{address.wire}>"


def ascii_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give headers whose values are ASCII characters, for providers that encode none themselves."""
    return {name: encoded_words(value) for name, value in headers.items()}


def encoded_words(text: str) -> str:
    """Give the value of a header as ASCII: as it stands, or in encoded words (RFC 2047).

    The words stand on one line with spaces between them: who receives it, folds it.
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
    # What looks like an encoded word would be decoded by whoever shows it.
    return text.isascii() and "=?" not in text
