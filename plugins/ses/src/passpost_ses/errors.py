"""The error codes of SES: scope and hint.

Sources: the errors of ``SendEmail`` in the reference of version 2 of the API
(docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html), the common errors of all
services (docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html), and the messages of SES
(docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html). Services spell some codes with
``Exception`` at the end and some without; both are recognized.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from passpost import SendError
from passpost.http import Fault, Response, identifier
from passpost_ses import _

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,79}")

_RIGHTS: Final = _(
    "Grant the IAM user the permission ses:SendEmail for the sender's identity and the "
    "configuration set, and check conditions on ses:FromAddress."
)
_MISMATCH: Final = _(
    "secretAccessKey does not belong to accessKeyId, or region differs from the endpoint's. Copy "
    "the key again, without spaces around it."
)
_UNKNOWN_KEY: Final = _(
    "accessKeyId is unknown or disabled. Copy it again. A temporary key also requires sessionToken."
)
_TOKEN: Final = _("sessionToken has expired. Renew all three values of the temporary credentials.")
_CLOCK: Final = _("This machine's clock is off by more than 5 minutes. Synchronize it with NTP.")
_PAUSED: Final = _(
    "Sending is paused for the account or the configuration set. Check the SES console."
)
_SLOWLY: Final = _(
    "The account sends more emails per second than allowed. Send more slowly, or request more."
)
_DAILY: Final = _(
    "The account's quota for 24 hours is used up. Check it in the SES console, and request a "
    "higher quota or production access."
)
_UNVERIFIED: Final = _(
    "The sender is not verified in this region, or, in the sandbox, the recipient. Verify the "
    "sender's domain in the region of the settings, and request production access."
)

_MESSAGE: Final = {
    "MessageRejected": _("SES rejected the content of the email."),
    "BadRequest": _("SES considers an address, a header or the subject invalid."),
    "Validation": _("SES considers an address, a header or the subject invalid."),
    "RequestEntityTooLarge": _("The email is too large for SES."),
}

_ACCOUNT: Final = {
    "MailFromDomainNotVerified": _(
        "The MX record of the sender's MAIL FROM domain is missing. Check the identity in SES."
    ),
    "AccountSuspended": _("AWS has suspended sending for the account. Contact AWS Support."),
    "SendingPaused": _PAUSED,
    "AccountSendingPaused": _PAUSED,
    "ConfigurationSetSendingPaused": _PAUSED,
    "LimitExceeded": _DAILY,
    "NotFound": _("The configuration set does not exist in this region."),
    "ConfigurationSetDoesNotExist": _("The configuration set does not exist in this region."),
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
    "OptInRequired": _("The account is not subscribed to SES, or not in this region."),
}

_PROVIDER: Final = {
    "TooManyRequests": _SLOWLY,
    "Throttling": _SLOWLY,
    "RequestLimitExceeded": _SLOWLY,
    "ServiceUnavailable": _("SES is overloaded."),
}


def _faults() -> Mapping[str, Fault]:
    account = {code: Fault("account", hint) for code, hint in _ACCOUNT.items()}
    message = {code: Fault("message", hint) for code, hint in _MESSAGE.items()}
    busy = {code: Fault("provider", hint, temporary=True) for code, hint in _PROVIDER.items()}
    return {code.lower(): fault for code, fault in {**account, **message, **busy}.items()}


_FAULTS: Final = _faults()


def refusal(response: Response) -> SendError:
    """Return the error for a response that is not an acceptance."""
    code = _code(response)
    request = identifier(response.headers.get("x-amzn-requestid"))
    return response.error(
        "SES",
        _fault(code, response) if code else None,
        code=code,
        # SES's own words repeat addresses; AWS Support finds them by this ID.
        words=f"RequestId {request}" if request else None,
    )


def known_fault(code: str) -> Fault | None:
    """Return the fault of a code, whether it ends with ``Exception`` or not."""
    return _FAULTS.get(code.removesuffix("Exception").lower())


def _code(response: Response) -> str | None:
    """Return the code: ``MessageRejected`` of ``aws.ses#MessageRejected:http://internal…``."""
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
