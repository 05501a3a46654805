"""The error codes of Direct Mail and of the gateway before it: whose matter each is, and its cure.

Sources: the error tables of SingleSendMail, and the common errors of Alibaba Cloud's interfaces.
The HTTP status says little (throttling comes with 400), so the code decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from passpost.errors import Scope
from passpost.http import Fault

_ADDRESS: Final = "Direct Mail finds the recipient's address malformed"
_BACK_OFF: Final = (
    "Direct Mail takes 100 requests a second from an account, over all its keys: send more slowly, "
    "or ask Aliyun for a higher limit"
)
_FAULTY: Final = "Direct Mail had a fault of its own; if it lasts, look at Aliyun's status page"
_NO_ENDPOINT: Final = "what answered is no Direct Mail endpoint: check endpoint"
_NO_RIGHT: Final = (
    "the access key may not do this: give its RAM user the right dm:SingleSendMail, and look at "
    "the IP protection and at arrears in the console"
)
_WRONG_KEY: Final = (
    "accessKeySecret does not belong to accessKeyId: copy both again, without spaces around them; "
    "if a proxy changes requests on their way, it breaks the signature as well"
)
_WRONG_TEMPORARY_KEY: Final = (
    "securityToken has expired, or does not belong to accessKeyId: temporary credentials are three "
    "values that are issued and renewed together"
)

_RECIPIENT: Final = {
    "InvalidToAddress": _ADDRESS,
    "InvalidToAddress.Spam": (
        "the recipient is on the list of invalid addresses, since mails to it bounced before; it "
        "can be taken off in the console"
    ),
    "InvalidReceiverName": _ADDRESS,
    "EmailFormatError": _ADDRESS,
    "EmailLengthError": "Direct Mail finds the recipient's address too long",
}

_MESSAGE: Final = {
    "InvalidBody": "the body is empty, too long, or of a kind that Direct Mail refuses",
    "InvalidSubject": (
        "the subject is empty or too long: Direct Mail's pages allow 100 characters, its SDK 256"
    ),
    "InvalidFromAlias": "the sender's display name takes fewer than 15 characters: check fromAlias",
    "InvalidReplyAddress": "replyTo is no address, or its display name is not acceptable",
}

_ACCOUNT: Final = {
    "InvalidMailAddress": (
        "accountName is no sender address in this region: a sender address exists in the one "
        "region where it was made, so check regionId as well as the spelling"
    ),
    "InvalidMailAddressStatus": "the sender address is frozen or not verified: see the console",
    "InvalidMailAddressDomain": (
        "the sender's domain is not verified: check its DNS records in the console"
    ),
    "InvalidMailAddressSendType": (
        "the sender address is of the wrong type: make one for triggered mails"
    ),
    "InvalidSendMail": (
        "Direct Mail took it for spam, or a limit was reached: a new account sends 2,000 mails a "
        "day, and a recipient takes a few; see the account's level in the console"
    ),
    "MissingParameter": "a setting that this account needs is not there, or check endpoint",
    "NoSuchVersion": _NO_ENDPOINT,
    "InvalidVersion": _NO_ENDPOINT,
    "InvalidApi": _NO_ENDPOINT,
    "InvalidAction": _NO_ENDPOINT,
    "Signature": _WRONG_KEY,
    "IncompleteSignature": _WRONG_KEY,
    "InvalidAccessKeyId": (
        "accessKeyId is not known: copy it again; the id of a temporary key wants securityToken "
        "beside it, and the Chinese and the international site have separate accounts"
    ),
    "InvalidAccessKeyId.Inactive": "the access key is switched off: switch it on in RAM",
    "InvalidSecurityToken": _WRONG_TEMPORARY_KEY,
    "MissingSecurityToken": _WRONG_TEMPORARY_KEY,
    "InvalidTimeStamp": "the service cannot read the time of the request",
    "InvalidTimeStamp.Expired": (
        "this machine's clock is more than 15 minutes off: set it, and keep it set by NTP"
    ),
    "Forbidden": _NO_RIGHT,
    "NoPermission": _NO_RIGHT,
}

_PROVIDER: Final = {
    "Throttling": _BACK_OFF,
    "ServiceUnavailable": _FAULTY,
    "InternalError": _FAULTY,
    "InternalServiceError": _FAULTY,
    "SignatureNonceUsed": (
        "the same signed request arrived twice, so something on the way repeated it; each attempt "
        "is signed anew"
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
    """Look up a code by its longest known prefix, without regard to case."""
    lower = code.lower()
    prefix = next((prefix for prefix in _PREFIXES if lower.startswith(prefix)), None)
    return None if prefix is None else _CODES[prefix]
