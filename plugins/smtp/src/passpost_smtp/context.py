"""What all connections of a session have in common."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import attrs

from passpost import SendError
from passpost_smtp import _
from passpost_smtp.config import SmtpConfig
from passpost_smtp.config.tls import make_tls_context
from passpost_smtp.limits import Limits
from passpost_smtp.pipelining import PipeliningFallback

if TYPE_CHECKING:
    from collections.abc import Callable

    from passpost_smtp.oauth2 import TokenSource


@attrs.frozen
class SessionContext:
    """What all connections of a session have in common.

    Attributes:
        config: Where to, and how.
        limits: How long each step may take.
        tls_context: The one TLS context. It takes 18 ms to make, so connections share it.
        tokens: Where OAuth2 tokens come from, or None.
        fallback: What the servers have proved, and failed at.
    """

    config: SmtpConfig
    limits: Limits
    tls_context: ssl.SSLContext | None
    tokens: TokenSource | None
    fallback: PipeliningFallback = attrs.field(factory=PipeliningFallback)


def prepare_context(config: SmtpConfig, register_secret: Callable[[str], None]) -> SessionContext:
    """Prepare what all connections need; reading certificates takes some milliseconds.

    Args:
        config: Where to, and how.
        register_secret: Called with each fetched token, which is masked from then on.

    Raises:
        SendError: The settings' own certificate or key cannot be used.
    """
    tokens = None
    if config.uses_oauth2:
        from passpost_smtp.oauth2 import TokenSource  # noqa: PLC0415 - few configs need it

        tokens = TokenSource(config, register_secret)
    return SessionContext(
        config=config,
        limits=Limits.of(config),
        tls_context=None if config.security == "none" else _make_tls_context(config),
        tokens=tokens,
    )


def _make_tls_context(config: SmtpConfig) -> ssl.SSLContext:
    try:
        return make_tls_context(config.tls)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = str(getattr(error, "reason", "") or type(error).__name__)
    raise SendError(
        _("the certificates of the settings cannot be used: {reason}", reason=reason),
        outcome="rejected",
        scope="account",
        hint=_("See that tls.cert and tls.key are PEM texts that belong together."),
    )
