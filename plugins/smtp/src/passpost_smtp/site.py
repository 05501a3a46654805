"""What all connections of a session have in common."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import attrs

from passpost import SendError
from passpost.config import secrets_in
from passpost.wire import Redactor
from passpost_smtp.config import SmtpConfig
from passpost_smtp.limits import Limits
from passpost_smtp.mastery import Mastery
from passpost_smtp.tls import make_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from passpost_smtp.oauth2 import TokenSource


@attrs.frozen
class Site:
    """What all connections of a session have in common.

    Attributes:
        config: Where to, and how.
        limits: How long each step may take.
        context: The one TLS context; making one takes 18 ms, so that no connection makes its own.
        tokens: Where OAuth2 tokens come from, or None.
        redactor: Masks the config's secrets.
        mastery: What the servers have shown that they master.
    """

    config: SmtpConfig
    limits: Limits
    context: ssl.SSLContext | None
    tokens: TokenSource | None
    redactor: Redactor
    mastery: Mastery = attrs.field(factory=Mastery)


def make_site(config: SmtpConfig, register_secret: Callable[[str], None]) -> Site:
    """Prepare what all connections need; reads certificates, and so takes some milliseconds.

    Args:
        config: Where to, and how.
        register_secret: Takes each token that is fetched, which nobody may see from then on.

    Raises:
        SendError: The settings' own certificate or key cannot be used.
    """
    tokens = None
    if config.uses_oauth2:
        from passpost_smtp.oauth2 import TokenSource  # noqa: PLC0415 - few configs need it

        tokens = TokenSource(config, register_secret)
    return Site(
        config=config,
        limits=Limits.of(config),
        context=None if config.security == "none" else _context(config),
        tokens=tokens,
        # Made once: the forms in which a secret may be repeated take time to work out.
        redactor=Redactor(secrets_in(config)),
    )


def _context(config: SmtpConfig) -> ssl.SSLContext:
    try:
        return make_context(config.tls)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = str(getattr(error, "reason", "") or type(error).__name__)
    raise SendError(
        f"the certificates of the settings cannot be used: {reason}",
        outcome="rejected",
        scope="account",
        hint="See that tls.cert and tls.key are PEM texts that belong together.",
    )
