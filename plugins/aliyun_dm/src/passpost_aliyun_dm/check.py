"""Checks the account and its sender address without sending an email.

It calls two operations that read: DescAccountSummary and QueryMailAddressByParam. A key that may
only send is rejected there; that is a warning, since sending may still work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from passpost import Finding, SendError
from passpost.phrases import said
from passpost_aliyun_dm import _

if TYPE_CHECKING:
    from passpost_aliyun_dm.client import DirectMail
    from passpost_aliyun_dm.config import AliyunDmConfig

_NOT_ALLOWED: Final = ("forbidden", "nopermission")

# What QueryMailAddressByParam accepts as a keyword.
_KEY_WORD: Final = re.compile(r"[A-Za-z0-9.@-]{1,60}")
_PAGE: Final = "50"

_ACCOUNT_STATES: Final = {
    "1": _("the account is frozen"),
    "2": _("the account has overdue payments"),
    "4": _("the account is not allowed to send"),
    "8": _("Direct Mail is closed for the account"),
}
_CONSOLE: Final = _("Check the account's status in the Direct Mail console.")


async def findings(config: AliyunDmConfig, session: DirectMail) -> list[Finding]:
    """Return the findings on the access key, the account and the sender address, in this order.

    The check stops as soon as the next step could only repeat the same finding.
    """
    try:
        summary = await session.look_up("DescAccountSummary", {})
    except SendError as error:
        found = _refused(_("access key"), error, "dm:DescAccountSummary")
        if found.result == "error":
            return [found]
        return [found, await _sender(config, session)]
    accepted = Finding(
        _("access key"), "ok", _("Direct Mail at {base} accepts it", base=config.base), id="auth.ok"
    )
    return [accepted, _account(summary), await _sender(config, session)]


def _account(summary: Mapping[str, Any]) -> Finding:
    state = str(summary.get("UserStatus", ""))
    if state in _ACCOUNT_STATES:
        return Finding(_("account"), "error", _ACCOUNT_STATES[state], _CONSOLE, "account.paused")
    daily, monthly = summary.get("DailyQuota"), summary.get("MonthQuota")
    quota = _("active")
    if _numbers(daily, monthly):
        quota = _("{daily} emails a day, {monthly} a month", daily=daily, monthly=monthly)
    if state == "0":
        return Finding(_("account"), "ok", quota, id="account.ok")
    return Finding(
        _("account"),
        "warning",
        _("the response does not say whether the account is active"),
        _CONSOLE,
        "account.unclear",
    )


async def _sender(config: AliyunDmConfig, session: DirectMail) -> Finding:
    wire = config.account_name.wire
    word = wire if _KEY_WORD.fullmatch(wire) else config.account_name.ascii_domain
    try:
        answer = await session.look_up(
            "QueryMailAddressByParam", {"KeyWord": word, "PageNo": "1", "PageSize": _PAGE}
        )
    except SendError as error:
        return _refused(_("sender address"), error, "dm:QueryMailAddressByParam")
    entry = next((e for e in _entries(answer) if _same(e.get("AccountName"), wire)), None)
    return _missing(config) if entry is None else _described(entry)


def _missing(config: AliyunDmConfig) -> Finding:
    return Finding(
        _("sender address"),
        "error",
        _("accountName is not a sender address of this account at {base}", base=config.base),
        _(
            "Check regionId and the spelling: a sender address exists only in the region where it "
            "was created."
        ),
        "sender.missing",
    )


def _described(entry: Mapping[str, Any]) -> Finding:
    if str(entry.get("AccountStatus")) == "1":
        return Finding(
            _("sender address"),
            "error",
            _("the sender address is frozen"),
            _CONSOLE,
            "sender.frozen",
        )
    if str(entry.get("DomainStatus")) == "1":
        return Finding(
            _("sender address"),
            "error",
            _("the sender's domain is not verified"),
            _("Check its DNS records in the console under Email Domains."),
            "sender.unverified",
        )
    if entry.get("Sendtype") == "batch":
        return Finding(
            _("sender address"),
            "warning",
            _("the sender address is for batch emails, which are delivered later than others"),
            _("Create a sender address for triggered emails."),
            "sender.batch",
        )
    return Finding(
        _("sender address"), "ok", _("it exists in this region and is active"), id="sender.ok"
    )


def _refused(subject: str, error: SendError, right: str) -> Finding:
    code = (error.provider_code or "").lower()
    area = "auth" if subject == "access key" else "sender"
    if code.startswith(_NOT_ALLOWED):
        return Finding(
            subject,
            "warning",
            _(
                _("the key may not read it ({code}); sending may still work"),
                code=error.provider_code,
            ),
            _("To check it, grant the RAM user the permission {right}.", right=right),
            f"{area}.not-allowed",
        )
    name = f"{area}.rejected" if error.provider_code else f"{area}.lost"
    return Finding(subject, "error", said(error), error.hint or "", name)


def _entries(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = answer.get("data")
    entries = data.get("mailAddress") if isinstance(data, dict) else None
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def _same(name: Any, address: str) -> bool:
    return isinstance(name, str) and name.lower() == address.lower()


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)
