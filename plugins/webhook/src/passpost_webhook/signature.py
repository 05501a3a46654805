"""Signs requests as Standard Webhooks 1.0.0 describes: https://www.standardwebhooks.com."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, Self

from passpost import Secret
from passpost.config import Invalid, is_placeholder
from passpost_webhook import _

_PREFIX: Final = "whsec_"
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_SIZES: Final = range(24, 65)
_REMEDY: Final = _("generate one as `passpost guide webhook` shows")


class SigningSecret(Secret):
    """A shared secret: ``whsec_`` and 24 to 64 bytes in Base64."""

    __slots__ = ()

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Return the secret; a placeholder is accepted.

        Raises:
            Invalid: It is not a secret; the error does not repeat it.
        """
        if not isinstance(value, str):
            raise Invalid(_("not text"), _("put the value in double quotes"))
        encoded = value.removeprefix(_PREFIX)
        well_formed = encoded != value and _BASE64.fullmatch(encoded)
        if not is_placeholder(value) and not (well_formed and len(b64decode(encoded)) in _SIZES):
            raise Invalid(
                _("not a signing secret: `whsec_` and 24 to 64 bytes in Base64"),
                _REMEDY,
                code="webhook-E1",
            )
        return cls(value)

    @property
    def key(self) -> bytes:
        """The bytes of the key."""
        return b64decode(self.reveal().removeprefix(_PREFIX))


def signatures(secrets: Iterable[SigningSecret], id_: str, seconds: int, body: bytes) -> str:
    """Return the header ``webhook-signature``: one signature by each secret.

    Args:
        secrets: The secrets.
        id_: The header ``webhook-id``, without a period, which separates it from what follows.
        seconds: The header ``webhook-timestamp``: seconds since the epoch.
        body: The body as it is sent.
    """
    signed = f"{id_}.{seconds}.".encode() + body
    digests = (hmac.digest(secret.key, signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{b64encode(digest).decode('ascii')}" for digest in digests)
