"""Checks the account and the sender without sending an email.

It calls two operations that read: GetAccount and GetEmailIdentity. A key that may only send is
rejected there; that is a warning, since sending may still work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from passpost import Finding, SendError
from passpost.phrases import said
from passpost_ses import _

if TYPE_CHECKING:
    from passpost_ses.client import Ses
    from passpost_ses.config import SesConfig

_IDENTITY: Final = "/v2/email/identities/"


async def findings(config: SesConfig, session: Ses) -> list[Finding]:
    """Return the findings on the access key, the account and the sender, in this order.

    The check stops as soon as the next step could only repeat the same finding.
    """
    try:
        account = await session.look_up("/v2/email/account")
    except SendError as error:
        found = _refused(_("access key"), error, "ses:GetAccount")
        return [found] if found.result == "error" else [found, await _sender(config, session)]
    accepted = Finding(
        _("access key"), "ok", _("SES in {region} accepts it", region=config.region), id="auth.ok"
    )
    return [accepted, _account(account), await _sender(config, session)]


def _account(account: Mapping[str, Any]) -> Finding:
    if account.get("SendingEnabled") is False:
        return Finding(
            _("account"),
            "error",
            _("sending is paused for the account"),
            _("Check the SES console."),
            "account.paused",
        )
    if account.get("ProductionAccessEnabled") is False:
        return Finding(
            _("account"),
            "warning",
            _("the account is in the sandbox: emails go only to verified addresses"),
            _("Request production access in the SES console."),
            "account.sandbox",
        )
    quota = account.get("SendQuota")
    daily = quota.get("Max24HourSend") if isinstance(quota, dict) else None
    most = _("active")
    if isinstance(daily, int | float):
        most = _("{count:.0f} emails in 24 hours", count=daily)
    return Finding(_("account"), "ok", most, id="account.ok")


async def _sender(config: SesConfig, session: Ses) -> Finding:
    """Return the finding on the identity of the address, or of its domain."""
    for identity in (config.from_email.wire, config.from_email.ascii_domain):
        try:
            found = await session.look_up(_IDENTITY + quote(identity, safe=""))
        except SendError as error:
            if not (error.provider_code or "").startswith("NotFound"):
                return _refused(_("sender"), error, "ses:GetEmailIdentity")
        else:
            return _described(found)
    return Finding(
        _("sender"),
        "error",
        _("neither the sender nor its domain is an identity in {region}", region=config.region),
        _("Verify one of them in the SES console, in the region of the settings."),
        "sender.missing",
    )


def _described(identity: Mapping[str, Any]) -> Finding:
    if identity.get("VerifiedForSendingStatus") is True:
        return Finding(_("sender"), "ok", _("it is verified in this region"), id="sender.ok")
    return Finding(
        _("sender"),
        "error",
        _("the sender is not verified yet"),
        _("Publish the identity's DNS records, or follow the link in the email from AWS."),
        "sender.unverified",
    )


def _refused(subject: str, error: SendError, right: str) -> Finding:
    code = error.provider_code or ""
    area = "auth" if subject == "access key" else "sender"
    if code.startswith(("AccessDenied", "NotAuthorized")):
        return Finding(
            subject,
            "warning",
            _("the key may not read it ({code}); sending may still work", code=code),
            _("To check it, grant the IAM user the permission {right}.", right=right),
            f"{area}.not-allowed",
        )
    name = f"{area}.rejected" if error.provider_code else f"{area}.lost"
    return Finding(subject, "error", said(error), error.hint or "", name)
