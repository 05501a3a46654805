"""What a connection was doing, and why it is of no more use."""

from __future__ import annotations

import ssl
from typing import Literal

import attrs

Phase = Literal[
    "resolve", "connect", "tls", "greeting", "ehlo", "starttls", "token", "auth",
    "pool", "mail", "rcpt", "data", "body", "final", "reset",
]  # fmt: skip
"""What the connection was doing.

``resolve`` to ``auth`` happen while it is opened; ``pool`` is the wait for a free one; ``body`` is
the message on its way to the kernel, and ``final`` the wait for the reply to all of it.
"""

FaultKind = Literal[
    "unreachable", "closed", "reset", "timeout", "garbage", "order", "tls", "aborted"
]
"""How a connection ended.

``unreachable``: it never began. ``closed``: the server closed it, in order (FIN). ``reset``: it
broke. ``timeout``: no reply in time. ``garbage``: what came was not SMTP. ``order``: a reply that
nobody had asked for. ``tls``: TLS failed. ``aborted``: the client gave up.
"""


@attrs.frozen
class Fault:
    """Why a connection is of no more use.

    Attributes:
        kind: How it ended.
        detail: More about it, in words that quote nothing that was received.
        code: The number of the operating system's or of the certificate's error, where there is
            one.
    """

    kind: FaultKind
    detail: str = ""
    code: int = 0


def tls_fault(error: ssl.SSLError) -> Fault:
    """Describe an error of the TLS layer, without keeping it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault("tls", error.verify_message, error.verify_code)
    return Fault("tls", error.reason or "")
