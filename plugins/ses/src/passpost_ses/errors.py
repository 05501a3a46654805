"""Says what SES's error codes mean: whose matter each is, and its cure.

Sources: the errors of ``SendEmail`` in the reference of version 2 of the API
(docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), the common errors of all
services (docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html), and the messages of SES
(docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html). Services spell some codes with
``Exception`` at the end and some without; both are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from passpost import SendError
from passpost.http import Fault, Response, identifier

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,79}")

_RIGHTS: Final = (
    "Give the IAM user the right ses:SendEmail for the identity of the sender, and for the "
    "configuration set where there is one; look for conditions on ses:FromAddress as well."
)
_MISMATCH: Final = (
    "secretAccessKey does not belong to accessKeyId, or region is another one than the endpoint's: "
    "copy the key again, without spaces around it."
)
_UNKNOWN_KEY: Final = (
    "accessKeyId is not known, or switched off: copy it again; the id of a temporary key wants "
    "sessionToken beside it."
)
_TOKEN: Final = "sessionToken has expired: temporary credentials are renewed all three together."  # noqa: S105 - words about a token
_CLOCK: Final = "This machine's clock is more than 5 minutes off: set it, and keep it set by NTP."
_PAUSED: Final = "Sending is paused for the account or the configuration set: see the SES console."
_SLOWLY: Final = (
    "SES limits how many mails an account sends in a second: send more slowly, or ask for more."
)
_DAILY: Final = (
    "The account has sent what it may in 24 hours: see the quota in the SES console, ask for more, "
    "or for production access."
)
_UNVERIFIED: Final = (
    "The sender, or while the account is in the sandbox the recipient, is not verified in this "
    "region: verify the sender's domain in the region of the settings, and ask for production "
    "access."
)

_MESSAGE: Final = {
    "MessageRejected": "SES refuses the content of the mail.",
    "BadRequest": "SES finds the request malformed: an address, a header or the subject.",
    "Validation": "SES finds the request malformed: an address, a header or the subject.",
    "RequestEntityTooLarge": "The mail is too large for SES.",
}

_ACCOUNT: Final = {
    "MailFromDomainNotVerified": (
        "The sender's MAIL FROM domain has lost its MX record: see the identity in the SES console."
    ),
    "AccountSuspended": "AWS has stopped the account from sending for good: ask AWS Support.",
    "SendingPaused": _PAUSED,
    "AccountSendingPaused": _PAUSED,
    "ConfigurationSetSendingPaused": _PAUSED,
    "LimitExceeded": _DAILY,
    "NotFound": "There is no configuration set of this name in the region.",
    "ConfigurationSetDoesNotExist": "There is no configuration set of this name in the region.",
    "AccessDenied": _RIGHTS,
    "NotAuthorized": _RIGHTS,
    "SignatureDoesNotMatch": _MISMATCH,
    "InvalidSignature": _MISMATCH,
    "IncompleteSignature": _MISMATCH,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "UnrecognizedClient": _UNKNOWN_KEY,
    "MissingAuthenticationToken": _UNKNOWN_KEY,
    "ExpiredToken": _TOKEN,
    "InvalidToken": _TOKEN,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "OptInRequired": "The account has not signed up for SES, or not for this region.",
}

_PROVIDER: Final = {
    "TooManyRequests": _SLOWLY,
    "Throttling": _SLOWLY,
    "RequestLimitExceeded": _SLOWLY,
    "ServiceUnavailable": "SES is overloaded.",
}


def _faults() -> Mapping[str, Fault]:
    account = {code: Fault("account", hint) for code, hint in _ACCOUNT.items()}
    message = {code: Fault("message", hint) for code, hint in _MESSAGE.items()}
    busy = {code: Fault("provider", hint, temporary=True) for code, hint in _PROVIDER.items()}
    return {code.lower(): fault for code, fault in {**account, **message, **busy}.items()}


_FAULTS: Final = _faults()


def refusal(response: Response) -> SendError:
    """Make the error for a response that is no acceptance."""
    code = _code(response)
    request = identifier(response.headers.get("x-amzn-requestid"))
    return response.error(
        "SES",
        _fault(code, response) if code else None,
        code=code,
        # SES's own words repeat addresses; by this id AWS Support finds them.
        words=f"RequestId {request}" if request else None,
    )


def known_fault(code: str) -> Fault | None:
    """Look a code up, whether it ends with ``Exception`` or not."""
    return _FAULTS.get(code.removesuffix("Exception").lower())


def _code(response: Response) -> str | None:
    """Give the code: ``MessageRejected`` of ``aws.ses#MessageRejected:http://internal…``."""
    given = response.headers.get("x-amzn-errortype") or response.document().get("__type")
    code = str(given or "").partition(":")[0].rpartition("#")[2]
    return code if _CODE.fullmatch(code) else None


def _fault(code: str, response: Response) -> Fault | None:
    known = known_fault(code)
    if known is None:
        return None
    document = response.document()
    says = str(document.get("message") or document.get("Message") or "").lower()
    # One code stands for two matters each here, and only the words tell them apart.
    if code == "MessageRejected" and "not verified" in says:
        return Fault("account", _UNVERIFIED)
    if known.temporary and "daily" in says:
        return Fault("account", _DAILY)
    if known.hint == _MISMATCH and ("expired" in says or "not yet current" in says):
        return Fault("account", _CLOCK)
    return known
