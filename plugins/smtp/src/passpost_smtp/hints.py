"""Hints: the known mistakes with SMTP servers and providers, by their symptoms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from passpost_smtp import _

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig
    from passpost_smtp.fault import Fault, Phase
    from passpost_smtp.reply import Reply

WRONG_VERSION: Final = "WRONG_VERSION_NUMBER"
"""OpenSSL's name for bytes that are not TLS."""

MAY_ARRIVE: Final = _(
    "The server may have accepted the email before the connection ended. Check whether it arrived "
    "before you send it again: the recipient could get it twice."
)

_GMAIL: Final = _(
    "Gmail requires an app password of 16 letters, not the account's own password. Turn on "
    "2-Step Verification, create one at https://myaccount.google.com/apppasswords, and set "
    "auth.pass to it."
)

_ALIYUN: Final = _(
    "Aliyun requires the sender address as the user name, and the SMTP password that was set for "
    "this address in the Direct Mail console."
)

_SENDGRID: Final = _("SendGrid requires the user name apikey, and an API key as the password.")

_QQ: Final = _(
    "QQ Mail requires an authorization code (授权码), not the QQ password. Turn on SMTP in QQ Mail "
    "under Settings > Account (设置 > 账号), generate a code, and set auth.pass to it."
)

_NETEASE: Final = _(
    "NetEase Mail requires an authorization code (授权码), not the password. Turn on SMTP in the "
    "mailbox's settings (设置 > POP3/SMTP/IMAP), create a code, and set auth.pass to it."
)

_EXMAIL: Final = _(
    "Tencent Exmail requires the full address as the user name. If secure sign-in is on, create an "
    "authorization code (授权码) in the mailbox's settings and set auth.pass to it."
)

_LOGINS: Final = {
    "gmail": _GMAIL,
    "aliyun": _ALIYUN,
    "sendgrid": _SENDGRID,
    "qq": _QQ,
    "netease": _NETEASE,
    "exmail": _EXMAIL,
}

# OpenSSL's numbers for the faults of a certificate (X509_V_ERR_…).
_CERTIFICATE_CODES: Final = {
    10: _("The server's certificate has expired. Renew it on the server."),
    18: _(
        "The server's certificate is self-signed. Put it, or its CA's certificate, into tls.ca as "
        "PEM."
    ),
    19: _(
        "The CA of the server's certificate is not trusted on this machine. Put its certificate "
        "into tls.ca as PEM."
    ),
    20: _(
        "The CA of the server's certificate is not trusted on this machine. Put its certificate "
        "into tls.ca as PEM, and check that the server sends its intermediate certificates."
    ),
    62: _(
        "The server's certificate is for another hostname. Set host to a name in the certificate, "
        "or set servername to it if host must differ."
    ),
    64: _(
        "The server's certificate is not for this IP address. Set host to the server's name, or "
        "set servername to it."
    ),
}

_GREYLISTED: Final = re.compile(r"gr[ae]y-?list", re.IGNORECASE)
_RELAY: Final = re.compile(r"relay", re.IGNORECASE)
_SENDER_DENIED: Final = re.compile(r"sender|from address|not owned|mail from", re.IGNORECASE)


def reply_hint(phase: Phase, reply: Reply, config: SmtpConfig) -> str | None:
    """Return how to fix the cause of a negative reply, or None."""
    if phase == "auth" or reply.code in {530, 534, 535, 538}:
        return _auth_hint(reply, config)
    if phase == "starttls":
        return _(
            "The server offers STARTTLS, but cannot start it now. Nothing was sent unencrypted. "
            "Try again later, or use port 465 with secure set to true."
        )
    if phase == "ehlo" and reply.code == 501:  # noqa: PLR2004 - the code in question
        if config.name:
            return _(
                "The server rejected the EHLO name {name}. Set name to a fully qualified ASCII "
                "hostname, such as mail.example.com.",
                name=config.name,
            )
        return _(
            "The server rejected the EHLO name of this machine. Set name to a fully qualified "
            "ASCII hostname, such as mail.example.com."
        )
    if reply.closing:
        return _closing_hint(reply)
    return _transaction_hint(phase, reply, config)


def _auth_hint(reply: Reply, config: SmtpConfig) -> str:
    if reply.code < 500:  # noqa: PLR2004 - 4yz
        return _(
            "The server cannot check passwords now. The settings may be valid. Try again later."
        )
    if reply.code == 538 or reply.enhanced == "5.7.11":  # noqa: PLR2004 - the code in question
        return _("The server requires TLS before authentication. Remove ignoreTLS.")
    if config.uses_oauth2:
        return _(
            "The server rejected the OAuth2 token. Check that auth.user is the mailbox that the "
            "token was issued for, and that its scope allows SMTP (Gmail: https://mail.google.com/)."
        )
    if reply.code == 530:  # noqa: PLR2004 - the code in question
        return _("The server requires authentication. Set auth.user and auth.pass.")
    return _LOGINS.get(
        config.provider,
        _("The user name or password is wrong, or the account is not allowed to use SMTP."),
    )


def _closing_hint(reply: Reply) -> str | None:
    if re.search(r"connections|concurren", reply.text, re.IGNORECASE):
        return _("The server allows fewer connections. Lower pool.maxConnections.")
    return None


def _transaction_hint(phase: Phase, reply: Reply, config: SmtpConfig) -> str | None:
    text = reply.text
    if _is_too_large(phase, reply):
        return _("The message is larger than the server accepts. Shorten the template.")
    if phase == "rcpt" and _GREYLISTED.search(text):
        return _("The server uses greylisting. Send the email again in a few minutes.")
    if phase == "rcpt" and _RELAY.search(text):
        return _relay_hint(config)
    if phase == "mail" or _SENDER_DENIED.search(text):
        return _sender_hint(reply, config)
    return None


def _is_too_large(phase: Phase, reply: Reply) -> bool:
    # In reply to RCPT, 552 means too many recipients or a full mailbox.
    large = reply.code == 552 and phase != "rcpt"  # noqa: PLR2004 - the code in question
    return large or reply.enhanced in {"5.3.4", "5.2.3"}


def _relay_hint(config: SmtpConfig) -> str:
    if config.signs_in:
        return _("The server does not relay to this domain for this account.")
    return _("The server only relays after authentication. Set auth.user and auth.pass.")


def _sender_hint(reply: Reply, config: SmtpConfig) -> str | None:
    if reply.code < 500:  # noqa: PLR2004 - 4yz
        return None
    if config.provider == "aliyun":
        return _ALIYUN
    return _(
        "The server rejected the sender. Set fromEmail to the account's own address, or to one "
        "that is verified at the provider."
    )


def fault_hint(phase: Phase, fault: Fault, config: SmtpConfig) -> str | None:
    """Return how to fix the cause of a connection that ended, or None."""
    if phase == "tls":
        return _tls_hint(fault, config)
    if phase == "greeting":
        return _greeting_hint(fault, config)
    if phase == "starttls" and fault.kind == "order":
        return _(
            "Unencrypted bytes arrived after the server had agreed to TLS, which is how an "
            "attacker injects commands. The connection was closed, and no password was sent."
        )
    if phase == "connect":
        return _connect_hint(config)
    if phase == "resolve":
        return _("Check the spelling of host, and DNS on this machine.")
    return None


def _connect_hint(config: SmtpConfig) -> str:
    if config.port_number == 25:  # noqa: PLR2004 - the port in question
        return _(
            "Check host and port ({server}), and any firewall. Many networks block port 25: try "
            "587 or 465.",
            server=config.server,
        )
    return _("Check host and port ({server}), and any firewall.", server=config.server)


def _tls_hint(fault: Fault, config: SmtpConfig) -> str | None:
    if fault.code:
        return _CERTIFICATE_CODES.get(
            fault.code,
            _("The server's certificate could not be verified. No password was sent."),
        )
    implicit = config.security == "implicit"
    if implicit and (fault.kind == "order" or fault.detail == WRONG_VERSION):
        return _(
            "The server starts unencrypted on port {port}. Set secure to false to use STARTTLS, "
            "or use port 465 with secure set to true.",
            port=config.port_number,
        )
    if implicit and fault.kind == "timeout":
        return _(
            "The server did not start TLS on port {port}. Set secure to false for ports 587 and "
            "25; true is for port 465.",
            port=config.port_number,
        )
    if "VERSION" in fault.detail or "PROTOCOL" in fault.detail:
        return _(
            "The server only supports TLS versions older than tls.minVersion. Upgrade the server."
        )
    return None


def _greeting_hint(fault: Fault, config: SmtpConfig) -> str | None:
    port = config.port_number
    if fault.kind == "garbage":
        return _(
            "The server on port {port} does not speak SMTP. It may require secure: true.",
            port=port,
        )
    if config.security == "implicit" or fault.kind not in {"timeout", "closed", "reset"}:
        return None
    if port == 465:  # noqa: PLR2004 - the port in question
        return _(
            "Port 465 requires TLS from the first byte, so the server waits for it and sends no "
            "greeting. Set secure to true."
        )
    return _(
        "If the server expects TLS on port {port} from the first byte, set secure to true.",
        port=port,
    )
