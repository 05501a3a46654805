"""Reads the DKIM key that a selector publishes (RFC 6376 section 3.6.1)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from passpost_tools.doctor.names import Names

WEAK: Final = 2048
"""Bits of an RSA key below which receivers may ignore a signature soon (RFC 8301)."""

TOO_WEAK: Final = 1024
"""Bits below which they ignore it now (RFC 8301 section 3.2)."""

# An RSA key of 2,048 bits is 294 octets long in DER, one of 1,024 bits 162; what surrounds the
# modulus and the exponent is at most this long.
_AROUND: Final = 40


@attrs.frozen
class Key:
    """The key of one selector.

    Attributes:
        record: The record.
        kind: ``rsa`` or ``ed25519``.
        bits: About how many bits it has; 0 for a key that was withdrawn.
        valid: Whether it can be read.
    """

    record: str
    kind: str
    bits: int
    valid: bool


async def read_key(selector: str, domain: str, names: Names) -> Key | None:
    """Return the key of a selector; None if there is none.

    Raises:
        NoAnswerError: A name server did not answer.
    """
    texts = await names.texts(f"{selector}._domainkey.{domain}")
    record = next((text for text in texts if "p=" in text), None)
    if record is None:
        return None
    pairs = (part.partition("=") for part in record.split(";"))
    tags = {name.strip(): "".join(value.split()) for name, _, value in pairs}
    kind = tags.get("k", "rsa").lower()
    try:
        octets = len(base64.b64decode(tags.get("p", ""), validate=True))
    except binascii.Error:
        return Key(record, kind, 0, valid=False)
    bits = 0 if not octets else 256 if kind == "ed25519" else max(8 * (octets - _AROUND), 8)
    # To the sizes that there are: 512, 768, 1024, 2048, 4096.
    return Key(record, kind, (bits + 128) // 256 * 256, valid=True)
