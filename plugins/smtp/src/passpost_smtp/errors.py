"""From an SMTP server's reply, or its absence, to what `SendError` says.

The rules are those of RFC 5321 section 4.2.1 (4yz is temporary, 5yz permanent), refined by the
enhanced codes of RFC 3463 where a server gives them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from passpost import SendError
from passpost.errors import Outcome, Scope
from passpost_smtp import _
from passpost_smtp.hints import MAY_ARRIVE, WRONG_VERSION, fault_hint, reply_hint

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig
    from passpost_smtp.fault import Fault, Phase
    from passpost_smtp.reply import Reply

OPENING: Final = frozenset(
    ("resolve", "connect", "tls", "greeting", "ehlo", "starttls", "token", "auth")
)
"""The phases in which a connection is not yet one that carries emails."""

_DOING: Final[dict[Phase, str]] = {
    "resolve": _("resolving the hostname"),
    "connect": _("connecting"),
    "tls": _("securing the connection with TLS"),
    "greeting": _("waiting for the server's greeting"),
    "ehlo": _("introducing itself with EHLO"),
    "starttls": _("asking for STARTTLS"),
    "token": _("asking for an OAuth2 token"),
    "auth": _("authentication"),
    "pool": _("waiting for a free connection"),
    "mail": _("naming the sender (MAIL)"),
    "rcpt": _("naming the recipient (RCPT)"),
    "data": _("asking to send the message (DATA)"),
    "body": _("sending the message"),
    "final": _("waiting for the server to accept the message"),
    "reset": _("resetting the connection"),
}

_FAULTS: Final = {
    "unreachable": _("could not connect"),
    "closed": _("the server closed the connection"),
    "reset": _("the connection broke"),
    "timeout": _("no reply in time"),
    "garbage": _("the server's reply is not valid SMTP"),
    "order": _("the server sent an unexpected reply"),
    "tls": _("TLS failed"),
    "aborted": _("the connection was closed"),
}

# What the operating system and OpenSSL say most often; the rest stays in their own words.
_DETAILS: Final[Mapping[str, str]] = {
    detail: detail
    for detail in (
        _("Connection refused"),
        _("Connection reset by peer"),
        _("Connection timed out"),
        _("Network is unreachable"),
        _("No route to host"),
        _("Broken pipe"),
        _("Name or service not known"),
        _("No address associated with hostname"),
        _("Temporary failure in name resolution"),
        _("certificate has expired"),
        _("self-signed certificate"),
        _("self-signed certificate in certificate chain"),
        _("unable to get local issuer certificate"),
    )
}

_ACCOUNT_CODES: Final = frozenset((432, 530, 534, 535, 538))
_OUT_OF_PLACE: Final = frozenset((500, 502, 503))
_RELAY_CODES: Final = frozenset((550, 551, 553, 554))
_BY_PHASE: Final[defaultdict[Phase, Scope]] = defaultdict(
    lambda: "message", {"mail": "account", "rcpt": "recipient"}
)
_RELAY: Final = re.compile(
    r"relay|not permitted|not allowed to send|authenti|sender", re.IGNORECASE
)
_THROTTLED: Final = re.compile(
    r"too many|too fast|rate limit|throttl|exceeded.{0,40}(?:rate|limit)|try again later",
    re.IGNORECASE,
)
_WAIT: Final = re.compile(
    r"(?:again|retry|wait|greylist\w*|come back)\D{0,30}(\d{1,5})\s*(s\b|sec|m\b|min)",
    re.IGNORECASE,
)


class SmtpError(SendError):
    """The error of an email or of a connection, with the phase in which it came about.

    Attributes:
        phase: What the connection was doing.
    """

    def __init__(
        self,
        phase: Phase,
        message: str,
        *,
        scope: Scope,
        outcome: Outcome = "rejected",
        **facts: Any,
    ) -> None:
        super().__init__(message, outcome=outcome, scope=scope, **facts)
        self.phase = phase


def refused(phase: Phase, reply: Reply, config: SmtpConfig) -> SmtpError:
    """Return the error of a negative reply: nothing was sent.

    Args:
        phase: What it answers.
        reply: The reply.
        config: For the hint.
    """
    # passpost masks what may not be seen in it.
    text = reply.text
    return SmtpError(
        phase,
        _(
            "{server}: {doing} failed: {reply}",
            server=config.server,
            doing=_DOING[phase],
            reply=f"{reply.code} {text}".rstrip(),
        ),
        scope=scope_of(phase, reply),
        temporary=is_temporary(phase, reply),
        retry_after=_retry_after(text),
        provider_code=reply.status,
        response=text,
        hint=reply_hint(phase, reply, config),
    )


def broken(
    phase: Phase, fault: Fault, config: SmtpConfig, outcome: Outcome = "rejected"
) -> SmtpError:
    """Return the error of a connection that ended before the reply came."""
    what = _what(phase, fault)
    if outcome == "unknown":
        what = _("{what}; the email may have been sent", what=what)
    return SmtpError(
        phase,
        _(
            "{server}: {doing} failed: {what}",
            server=config.server,
            doing=_DOING[phase],
            what=what,
        ),
        outcome=outcome,
        scope=_fault_scope(phase, fault, config),
        temporary=_passes(fault),
        hint=MAY_ARRIVE if outcome == "unknown" else fault_hint(phase, fault, config),
    )


def _what(phase: Phase, fault: Fault) -> str:
    if not fault.detail:
        return _FAULTS[fault.kind]
    detail = _DETAILS.get(fault.detail, fault.detail)
    if phase == "resolve":
        return detail
    return _("{fault} ({detail})", fault=_FAULTS[fault.kind], detail=detail)


def unable(phase: Phase, what: str, config: SmtpConfig, *, hint: str) -> SmtpError:
    """Return the error of what the client itself rejects, such as an unencrypted password."""
    # A server that suddenly offers no TLS is the provider's matter, or an attacker's on the way.
    scope: Scope = "provider" if phase == "starttls" else "account"
    return SmtpError(
        phase, _("{server}: {what}", server=config.server, what=what), scope=scope, hint=hint
    )


def too_large(size: int, limit: int, config: SmtpConfig) -> SmtpError:
    """Return the error of a message that is larger than what the server accepts."""
    return SmtpError(
        "mail",
        _(
            "{server}: the message has {size} bytes, and the server accepts {limit}",
            server=config.server,
            size=size,
            limit=limit,
        ),
        scope="message",
        hint=_("Shorten the template, or ask the server's operator for a higher limit."),
    )


def invalid_part(
    what: str, reason: str, *, scope: Scope = "message", hint: str | None = None
) -> SendError:
    """Return the error of an email that cannot be built.

    Args:
        what: The part: ``Subject``. Never its value.
        reason: What is wrong, in words that do not repeat the value.
        scope: Who has to fix it.
        hint: How to fix it.
    """
    message = _("{what}: {reason}", what=what, reason=reason)
    return SendError(message, outcome="rejected", scope=scope, hint=hint)


def is_temporary(phase: Phase, reply: Reply) -> bool:
    """Return whether the same command may succeed later."""
    # 552 to RCPT means too many recipients at once, which 452 should have said (RFC 5321
    # 4.5.3.1.10).
    return reply.code < 500 or (reply.code == 552 and phase == "rcpt")  # noqa: PLR2004 - reply codes


def scope_of(phase: Phase, reply: Reply) -> Scope:
    """Return the scope of a negative reply."""
    if reply.closing:
        return "provider"
    if reply.code in _ACCOUNT_CODES:
        return "account"
    if phase in OPENING:
        return _opening_scope(phase, reply)
    return _by_subject(phase, reply) or _by_words(phase, reply) or _BY_PHASE[phase]


def _opening_scope(phase: Phase, reply: Reply) -> Scope:
    if phase == "auth":
        # 454 is the server's own trouble with checking the password (RFC 4954 section 6).
        return "account" if reply.code >= 500 else "provider"  # noqa: PLR2004 - 5yz
    if phase == "ehlo" and reply.code in {501, 504}:
        return "account"
    return "provider"


def _by_subject(phase: Phase, reply: Reply) -> Scope | None:
    """Judge by subject and detail of an enhanced code, where they say more than the phase."""
    subject = (reply.enhanced or "")[2:]
    # 3.4 and 2.3: too large, for the system or for the mailbox. 6: conversion of the content.
    if subject in {"3.4", "2.3"} or subject.startswith("6."):
        return "message"
    # 1.7, 1.8: the sender's address. 4.5: too much email, a quota at Google. 7.8, 7.9, 7.11: the
    # sign-in. 7.25 to 7.27: SPF, DKIM and DMARC of the sender's domain.
    if subject in {"1.7", "1.8", "4.5", "7.8", "7.9", "7.11", "7.25", "7.26", "7.27"}:
        return "account"
    # 1: the address; 2: the mailbox. At MAIL they are the sender's, which the phase says.
    if subject.startswith(("1.", "2.")) and phase != "mail":
        return "recipient"
    # 3: the server itself; 4: the network behind it.
    return "provider" if subject.startswith(("3.", "4.")) else None


def _by_words(phase: Phase, reply: Reply) -> Scope | None:
    """Judge by what the server says, where the same code stands for different things."""
    text = reply.text
    if phase != "mail" and reply.code in _OUT_OF_PLACE:
        return "provider"
    if phase == "rcpt":
        relay = reply.code in _RELAY_CODES and _RELAY.search(text)
        return "account" if relay else None
    return "provider" if reply.code < 500 and _THROTTLED.search(text) else None  # noqa: PLR2004 - 4yz


def _retry_after(text: str) -> float | None:
    match = _WAIT.search(text)
    if match is None:
        return None
    return float(match[1]) * (60 if match[2].lower().startswith("m") else 1)


def _fault_scope(phase: Phase, fault: Fault, config: SmtpConfig) -> Scope:
    if _is_wrong_tls(phase, fault, config):
        return "account"
    if fault.kind in {"garbage", "order"}:
        return "provider"
    if fault.kind == "closed" and fault.detail:
        return "provider"
    return "provider" if fault.detail == WRONG_VERSION else "network"


def _passes(fault: Fault) -> bool:
    """Return whether a fault is temporary."""
    nonsense = fault.kind in {"garbage", "order"} or fault.detail == WRONG_VERSION
    return not nonsense and not _is_certificate(fault)


def _is_certificate(fault: Fault) -> bool:
    return fault.kind == "tls" and fault.code != 0


def _is_wrong_tls(phase: Phase, fault: Fault, config: SmtpConfig) -> bool:
    """Return whether the server speaks unencrypted where the settings say that TLS comes first."""
    in_clear = fault.kind == "order" or fault.detail == WRONG_VERSION
    return phase == "tls" and config.security == "implicit" and in_clear
