"""The error codes of Direct Mail and of the gateway before it: scope and hint.

Sources: the error tables of SingleSendMail, and the common errors of Alibaba Cloud's APIs.
The HTTP status says little (throttling comes with 400), so the code decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from passpost.errors import Scope
from passpost.http import Fault
from passpost_aliyun_dm import _

_ADDRESS: Final = _("Direct Mail considers the recipient's address invalid.")
_BACK_OFF: Final = _(
    "Direct Mail allows 100 requests per second for an account, over all its keys. Send more "
    "slowly, or ask Aliyun for a higher limit."
)
_FAULTY: Final = _("Direct Mail failed. If it goes on, check Aliyun's status page.")
_NO_ENDPOINT: Final = _("The response did not come from Direct Mail. Check endpoint.")
_NO_RIGHT: Final = _(
    "The access key has no permission. Grant its RAM user dm:SingleSendMail, and check IP "
    "protection and overdue payments in the console."
)
_WRONG_KEY: Final = _(
    "accessKeySecret does not belong to accessKeyId. Copy both again, without spaces around them. "
    "A proxy that changes requests breaks the signature, too."
)
_WRONG_TEMPORARY_KEY: Final = _(
    "securityToken has expired, or does not belong to accessKeyId. Renew all three values of the "
    "temporary credentials together."
)

_RECIPIENT: Final = {
    "InvalidToAddress": _ADDRESS,
    "InvalidToAddress.Spam": _(
        "The recipient is on Direct Mail's invalid-address list after earlier bounces. Remove it "
        "in the console if the address works again."
    ),
    "InvalidReceiverName": _ADDRESS,
    "EmailFormatError": _ADDRESS,
    "EmailLengthError": _("The recipient's address is too long for Direct Mail."),
}

_MESSAGE: Final = {
    "InvalidBody": _("The body is empty, too long, or not allowed by Direct Mail."),
    "InvalidSubject": _("The subject is empty or too long. Use at most 100 characters."),
    "InvalidFromAlias": _("The sender's display name is too long. Use at most 14 characters."),
    "InvalidReplyAddress": _("The address or the display name of replyTo is invalid."),
}

_ACCOUNT: Final = {
    "InvalidMailAddress": _(
        "accountName is not a sender address in this region. Check regionId and the spelling: a "
        "sender address exists only in the region where it was created."
    ),
    "InvalidMailAddressStatus": _(
        "The sender address is frozen or not verified. Check the console."
    ),
    "InvalidMailAddressDomain": _(
        "The sender's domain is not verified. Check its DNS records in the console."
    ),
    "InvalidMailAddressSendType": _(
        "The sender address has the wrong type. Create one for triggered emails."
    ),
    "InvalidSendMail": _(
        "Direct Mail classified the email as spam, or a limit is reached (2,000 emails a day for "
        "a new account, a few for one recipient). Check the account's level in the console."
    ),
    "MissingParameter": _("A required parameter is missing. Check that endpoint is Direct Mail's."),
    "NoSuchVersion": _NO_ENDPOINT,
    "InvalidVersion": _NO_ENDPOINT,
    "InvalidApi": _NO_ENDPOINT,
    "InvalidAction": _NO_ENDPOINT,
    "Signature": _WRONG_KEY,
    "IncompleteSignature": _WRONG_KEY,
    "InvalidAccessKeyId": _(
        "accessKeyId is unknown. Copy it again. A temporary key also requires securityToken, and "
        "the Chinese and the international site have separate accounts."
    ),
    "InvalidAccessKeyId.Inactive": _("The access key is disabled. Enable it in RAM."),
    "InvalidSecurityToken": _WRONG_TEMPORARY_KEY,
    "MissingSecurityToken": _WRONG_TEMPORARY_KEY,
    "InvalidTimeStamp": _("Direct Mail cannot read the time of the request."),
    "InvalidTimeStamp.Expired": _(
        "This machine's clock is off by more than 15 minutes. Synchronize it with NTP."
    ),
    "Forbidden": _NO_RIGHT,
    "NoPermission": _NO_RIGHT,
}

_PROVIDER: Final = {
    "Throttling": _BACK_OFF,
    "ServiceUnavailable": _FAULTY,
    "InternalError": _FAULTY,
    "InternalServiceError": _FAULTY,
    "SignatureNonceUsed": _(
        "The same signed request arrived twice. Check the proxy: passpost signs each attempt again."
    ),
}


def _faults(scope: Scope, hints: Mapping[str, str], *, temporary: bool = False) -> dict[str, Fault]:
    return {code.lower(): Fault(scope, hint, temporary=temporary) for code, hint in hints.items()}


_CODES: Final = {
    **_faults("recipient", _RECIPIENT),
    **_faults("message", _MESSAGE),
    **_faults("account", _ACCOUNT),
    **_faults("provider", _PROVIDER, temporary=True),
}

# The longest first, so that the first match is the nearest.
_PREFIXES: Final = sorted(_CODES, key=len, reverse=True)


def known_fault(code: str) -> Fault | None:
    """Return the fault of the longest known prefix of a code, ignoring case."""
    lower = code.lower()
    prefix = next((prefix for prefix in _PREFIXES if lower.startswith(prefix)), None)
    return None if prefix is None else _CODES[prefix]
