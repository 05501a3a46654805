"""What an HTTP response means where its provider does not say more.

================================================  ========  =========  =========
what came back                                    outcome   scope      temporary
================================================  ========  =========  =========
1xx or 2xx, but not what the connector looks for  unknown   provider   no
301, 307, 308: not done, and never followed       rejected  provider   no
any other 3xx: what was asked for may be done     unknown   provider   no
401, 403, 404                                     rejected  account    no
407                                               rejected  network    no
408, 425, 429                                     rejected  provider   yes
413                                               rejected  message    no
any other 4xx                                     rejected  provider   no
503                                               rejected  provider   yes
any other 5xx                                     unknown   provider   yes
================================================  ========  =========  =========

500, 502 and 504 may come from a gateway whose server has the email already.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

from passpost.errors import Outcome, Scope, SendError
from passpost_http.phrases import _

MAX_WAIT: Final = 86_400.0
"""Seconds in a ``retry_after``, at most."""

MAX_ID: Final = 128
"""Characters in the ID of an email or a request, at most."""

_SECONDS: Final = re.compile(r"[0-9]{1,11}")
_MAX_DATE: Final = 64
_SUCCESS: Final = range(200, 300)
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500

_BUSY: Final = _(
    "The provider, or a gateway before it, is overloaded, or limits how fast you send."
)
_CREDENTIALS: Final = _("Check the credentials, what they are allowed to do, and the endpoint.")
_NO_API: Final = _("This is not a response of the provider's API: check endpoint, and any proxy.")
_LOOK: Final = _("Check at the provider whether the email was sent.")


@attrs.frozen
class Fault:
    """What a status or a provider's code means; each part becomes that of `SendError`.

    Attributes:
        scope: What the failure concerns: ``recipient``, ``message``, ``account``, …
        hint: Cause and fix, in full sentences.
        temporary: Whether the same email may be accepted later.
        outcome: ``rejected``, or ``unknown`` if the provider may have accepted the email.
    """

    scope: Scope
    hint: str | None = None
    temporary: bool = attrs.field(default=False, kw_only=True)
    outcome: Outcome = attrs.field(default="rejected", kw_only=True)


_BY_STATUS: Final[Mapping[int, Fault]] = {
    **dict.fromkeys((301, 307, 308), Fault("provider", _NO_API)),
    401: Fault("account", _CREDENTIALS),
    403: Fault("account", _CREDENTIALS),
    404: Fault("account", _CREDENTIALS),
    407: Fault("network", _("The proxy requires credentials: put them into HTTPS_PROXY.")),
    408: Fault("provider", _BUSY, temporary=True),
    413: Fault("message", _("The email is too large for the provider.")),
    425: Fault("provider", _BUSY, temporary=True),
    429: Fault("provider", _BUSY, temporary=True),
    503: Fault("provider", _BUSY, temporary=True),
}


def fault_of(status: int) -> Fault:
    """Return what an HTTP status means by itself (RFC 9110, RFC 6585)."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # 303 says that the request was done and where to look for more; many send 302 for the same.
    if status < _CLIENT_ERROR:
        return Fault("provider", _LOOK, outcome="unknown")
    if status >= _SERVER_ERROR:
        return Fault("provider", _LOOK, temporary=True, outcome="unknown")
    return Fault("provider", _NO_API)


@attrs.frozen
class Response:
    """An HTTP response.

    Attributes:
        status: The status code.
        headers: The headers, by names in lower case.
        body: The body; None if it is longer than 65,536 octets, which no provider sends.
        is_email: Whether the request was the one that sends the email: if not, its error is always
            ``rejected``.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes | None = attrs.field(default=b"", repr=False)
    is_email: bool = attrs.field(default=True, kw_only=True)

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in _SUCCESS

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty one if it is anything else."""
        try:
            read = json.loads(self.body or b"")
        # Deeply nested brackets exhaust the parser's stack.
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def retry_after(self) -> float | None:
        """How many seconds to wait, from ``Retry-After`` as seconds or date (RFC 9110, 10.2.3).

        It is None, or more than 0 and at most `MAX_WAIT`, whatever the header says.
        """
        value = self.headers.get("retry-after", "").strip()
        seconds = float(value) if _SECONDS.fullmatch(value) else _seconds_until(value)
        return min(seconds, MAX_WAIT) if seconds and seconds > 0 else None

    def error(
        self,
        provider: str,
        fault: Fault | None = None,
        *,
        code: str | None = None,
        words: str | None = None,
        retry_after: float | None = None,
    ) -> SendError:
        """Return the error for a response that does not accept the email.

        Args:
            provider: The provider's name, for the error's text.
            fault: What the provider's own code means; by default what the status means.
            code: The provider's own code; by default ``HTTP 429``.
            words: The provider's own words. passpost clears them of secrets and payload; pass none
                that may repeat the email in another encoding.
            retry_after: Seconds to wait, from a header of the provider's own; by default
                `retry_after`.
        """
        fault = fault or fault_of(self.status)
        outcome = fault.outcome if self.is_email else "rejected"
        what = _("HTTP status {status}", status=self.status)
        if code:
            what = _("{code}, HTTP status {status}", code=code, status=self.status)
        if outcome == "rejected":
            message = _("{provider} returned {what}", provider=provider, what=what)
        else:
            message = _(
                "{provider} returned {what}; it is unknown whether it accepted the email",
                provider=provider,
                what=what,
            )
        return SendError(
            message,
            outcome=outcome,
            scope=fault.scope,
            temporary=fault.temporary,
            retry_after=(retry_after or self.retry_after) if fault.temporary else None,
            provider_code=code or f"HTTP {self.status}",
            response=words,
            # It is known then that the email was not sent.
            hint=None if outcome == "rejected" and fault.hint == _LOOK else fault.hint,
        )

    refusal = error
    """The earlier name of `error`."""


def identifier(value: Any) -> str | None:
    """Return the ID in a provider's document as text; None if the value cannot be one."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and text and len(text) <= MAX_ID and text.isprintable():
        return text
    return None


def _seconds_until(date: str) -> float | None:
    # A date is short; what its parser raises for others is of many kinds, some not documented.
    if not date.isascii() or len(date) > _MAX_DATE:
        return None
    try:
        moment = parsedate_to_datetime(date)
        # Without a zone it would be taken for the local time of this machine.
        utc = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return (utc - dt.datetime.now(dt.UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
