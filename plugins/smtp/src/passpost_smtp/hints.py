"""What to do about it: the mistakes that people make with SMTP providers, by their symptoms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig
    from passpost_smtp.fault import Fault, Phase
    from passpost_smtp.reply import Reply

WRONG_VERSION: Final = "WRONG_VERSION_NUMBER"
"""OpenSSL's name for something that is no TLS."""

MAY_ARRIVE: Final = (
    "The server may have accepted the email before the connection ended. Check whether it arrived "
    "before you send it again: the recipient could get it twice."
)

_GMAIL: Final = (
    "Gmail takes an app password of 16 letters here, not the account's own password: turn on "
    "2-Step Verification, make one at https://myaccount.google.com/apppasswords, and put it in "
    "auth.pass."
)

_ALIYUN: Final = (
    "Aliyun wants the sender address itself as the user name, and the SMTP password that was set "
    "for that address in the Direct Mail console."
)

_SENDGRID: Final = (
    "SendGrid wants the word apikey as the user name, and an API key as the password."
)

# OpenSSL's numbers for what is wrong with a certificate (X509_V_ERR_…).
_CERTIFICATE_CODES: Final = {
    10: "The server's certificate has expired: renew it on the server.",
    18: "The server's certificate vouches for itself: give it, or the authority it should come "
    "from, as PEM text in tls.ca.",
    19: "The certificate's authority is unknown here: give its certificate as PEM text in tls.ca.",
    20: "The certificate's authority is not known here: give its certificate as PEM text in "
    "tls.ca, and see that the server sends its intermediate certificates.",
    62: "The certificate is for another host: use the name that it is for as host, or, where host "
    "must be something else, name it in servername.",
    64: "The certificate is not for this IP address: use the server's name as host, or name it in "
    "servername.",
}

_GREYLISTED: Final = re.compile(r"gr[ae]y-?list", re.IGNORECASE)
_RELAY: Final = re.compile(r"relay", re.IGNORECASE)
_SENDER_DENIED: Final = re.compile(r"sender|from address|not owned|mail from", re.IGNORECASE)


def reply_hint(phase: Phase, reply: Reply, config: SmtpConfig) -> str | None:
    """Return how to fix the cause of a negative reply, or None."""
    if phase == "auth" or reply.code in {530, 534, 535, 538}:
        return _auth_hint(reply, config)
    if phase == "starttls":
        return (
            "The server offers STARTTLS and cannot do it right now. Nothing was sent in clear; try "
            "again later, or use port 465 with secure: true."
        )
    if phase == "ehlo" and reply.code == 501:  # noqa: PLR2004 - the code in question
        return (
            f"The server does not like the name {config.name or 'that this machine has'} in EHLO: "
            "set name to a full host name in ASCII, such as mail.example.com."
        )
    if reply.closing:
        return _closing_hint(reply)
    return _transaction_hint(phase, reply, config)


def _auth_hint(reply: Reply, config: SmtpConfig) -> str:
    provider = config.provider
    if reply.code < 500:  # noqa: PLR2004 - 4yz
        return "The server cannot check passwords right now; the settings may be right. Try later."
    if reply.code == 538 or reply.enhanced == "5.7.11":  # noqa: PLR2004 - the code in question
        return "The server signs nobody in without TLS: take ignoreTLS out of the settings."
    if config.uses_oauth2:
        return (
            "The server refused the OAuth2 token: see that auth.user is the mailbox that the token "
            "was made for, and that the scope allows SMTP (https://mail.google.com/ at Gmail)."
        )
    if reply.code == 530:  # noqa: PLR2004 - the code in question
        return "The server wants a sign-in: set auth.user and auth.pass."
    hints = {"gmail": _GMAIL, "aliyun": _ALIYUN, "sendgrid": _SENDGRID}
    return hints.get(
        provider, "User name or password is wrong, or the account may not use SMTP: check both."
    )


def _closing_hint(reply: Reply) -> str | None:
    if re.search(r"connections|concurren", reply.text, re.IGNORECASE):
        return "The server takes fewer connections at once: lower pool.maxConnections."
    return None


def _transaction_hint(phase: Phase, reply: Reply, config: SmtpConfig) -> str | None:
    text = reply.text
    if _is_too_large(phase, reply):
        return "The message is larger than the server takes."
    if phase == "rcpt" and _GREYLISTED.search(text):
        return "Greylisting: the server takes the mail when it is tried again in some minutes."
    if phase == "rcpt" and _RELAY.search(text):
        return _relay_hint(config)
    if phase == "mail" or _SENDER_DENIED.search(text):
        return _sender_hint(reply, config)
    return None


def _is_too_large(phase: Phase, reply: Reply) -> bool:
    # To RCPT 552 says that there are too many recipients, or that the mailbox is full.
    large = reply.code == 552 and phase != "rcpt"  # noqa: PLR2004 - the code in question
    return large or reply.enhanced in {"5.3.4", "5.2.3"}


def _relay_hint(config: SmtpConfig) -> str:
    if config.signs_in:
        return "The server does not relay to this domain for this account."
    return "The server relays for those who sign in: set auth.user and auth.pass."


def _sender_hint(reply: Reply, config: SmtpConfig) -> str | None:
    if reply.code < 500:  # noqa: PLR2004 - 4yz
        return None
    if config.provider == "aliyun":
        return _ALIYUN
    return (
        "The server does not take mails from this sender: use one that the account may send as "
        "(verified with the provider, or the account's own address) as fromEmail."
    )


def fault_hint(phase: Phase, fault: Fault, config: SmtpConfig) -> str | None:
    """Return how to fix the cause of a connection that ended, or None."""
    if phase == "tls":
        return _tls_hint(fault, config)
    if phase == "greeting":
        return _greeting_hint(fault, config)
    if phase == "starttls" and fault.kind == "order":
        return (
            "Bytes came in clear after the server had agreed to TLS, which is how an attacker on "
            "the way injects commands: the connection was dropped, and no password sent."
        )
    if phase == "connect":
        return (
            f"See that {config.server} is the right address and that no firewall is between; many "
            "networks block port 25, so use 587 or 465."
        )
    if phase == "resolve":
        return "See that host is spelt right and that this machine can look up names."
    return None


def _tls_hint(fault: Fault, config: SmtpConfig) -> str | None:
    if fault.code:
        return _CERTIFICATE_CODES.get(
            fault.code, "The server's certificate could not be verified; no password was sent."
        )
    implicit = config.security == "implicit"
    if implicit and (fault.kind == "order" or fault.detail == WRONG_VERSION):
        return (
            f"The server speaks in clear on port {config.port_number} until it is asked for "
            "STARTTLS: set secure to false there, or use port 465 with secure: true."
        )
    if implicit and fault.kind == "timeout":
        return (
            f"No TLS came on port {config.port_number}: secure: true is for port 465; on 587 and "
            "25 set secure to false."
        )
    if "VERSION" in fault.detail or "PROTOCOL" in fault.detail:
        return "The server has no TLS as new as tls.minVersion wants; it should be updated."
    return None


def _greeting_hint(fault: Fault, config: SmtpConfig) -> str | None:
    port = config.port_number
    if fault.kind == "garbage":
        return f"What answers on port {port} is no SMTP server; it may want secure: true."
    if config.security == "implicit" or fault.kind not in {"timeout", "closed", "reset"}:
        return None
    if port == 465:  # noqa: PLR2004 - the port in question
        return (
            "Port 465 wants TLS from the first byte, so that the server waits for it and says "
            "nothing: set secure to true."
        )
    return f"If the server speaks TLS on port {port} from the first byte, set secure to true."
