"""Looks at the account and the sender without sending a mail.

It calls two operations that read: GetAccount and GetEmailIdentity. A key that may only send is
refused there; that is a warning, since sending may work nonetheless.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from passpost import Finding, SendError

if TYPE_CHECKING:
    from passpost_ses.client import Ses
    from passpost_ses.config import SesConfig

_IDENTITY: Final = "/v2/email/identities/"


async def findings(config: SesConfig, session: Ses) -> list[Finding]:
    """Look at the key, the account and the sender, in this order.

    It stops where looking further would only say the same again.
    """
    try:
        account = await session.look_up("/v2/email/account")
    except SendError as error:
        found = _refused("access key", error, "ses:GetAccount")
        return [found] if found.result == "error" else [found, await _sender(config, session)]
    accepted = Finding("access key", "ok", f"SES in {config.region} accepts it")
    return [accepted, _account(account), await _sender(config, session)]


def _account(account: Mapping[str, Any]) -> Finding:
    if account.get("SendingEnabled") is False:
        return Finding(
            "account", "error", "sending is paused for the account", "see the SES console"
        )
    if account.get("ProductionAccessEnabled") is False:
        return Finding(
            "account",
            "warning",
            "the account is in the sandbox: mails go to verified addresses alone",
            "ask for production access in the SES console",
        )
    quota = account.get("SendQuota")
    daily = quota.get("Max24HourSend") if isinstance(quota, dict) else None
    most = f"{daily:.0f} mails in 24 hours" if isinstance(daily, int | float) else "active"
    return Finding("account", "ok", most)


async def _sender(config: SesConfig, session: Ses) -> Finding:
    """Look for the identity of the address, and then for that of its domain."""
    for identity in (config.from_email.wire, config.from_email.ascii_domain):
        try:
            found = await session.look_up(_IDENTITY + quote(identity, safe=""))
        except SendError as error:
            if not (error.provider_code or "").startswith("NotFound"):
                return _refused("sender", error, "ses:GetEmailIdentity")
        else:
            return _described(found)
    return Finding(
        "sender",
        "error",
        f"neither the sender nor its domain is an identity in {config.region}",
        "verify one of them in the SES console, in the region of the settings",
    )


def _described(identity: Mapping[str, Any]) -> Finding:
    if identity.get("VerifiedForSendingStatus") is True:
        return Finding("sender", "ok", "it is verified in this region")
    return Finding(
        "sender",
        "error",
        "the sender is not verified yet",
        "publish the DNS records of the identity, or follow the link in AWS's mail",
    )


def _refused(subject: str, error: SendError, right: str) -> Finding:
    code = error.provider_code or ""
    if code.startswith(("AccessDenied", "NotAuthorized")):
        return Finding(
            subject,
            "warning",
            f"the key may not look at it ({code}); sending may work nonetheless",
            f"to have it checked, give the IAM user the right {right}",
        )
    return Finding(subject, "error", str(error), error.hint or "")
