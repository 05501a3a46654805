"""Says what an answer of Direct Mail means, and what a broken connection means.

==============================================  ========  ==================  ==========
what came back                                  outcome   scope               temporary
==============================================  ========  ==================  ==========
2xx with an ``EnvId``                           accepted
an error with a ``Code`` of `codes`             rejected  as the table there  likewise
an unknown ``Code`` with 4xx                    rejected  provider            no
an unknown ``Code`` with 5xx                    unknown   provider            yes
2xx with neither, or not readable, or too long  unknown   provider            no
3xx: a redirect is never followed               rejected  provider            no
401, 403, 404 without a ``Code``                rejected  account             no
407 without a ``Code``                          rejected  network             no
408, 425, 429 without a ``Code``                rejected  provider            yes
413 without a ``Code``                          rejected  message             no
any other 4xx without a ``Code``                rejected  provider            no
503 without a ``Code``                          rejected  provider            yes
any other 5xx without a ``Code``                unknown   provider            yes
no connection, or TLS not trusted               rejected  network             see below
a break or timeout before the body went out     rejected  network             yes
a break or timeout afterwards                   unknown   network             yes
==============================================  ========  ==================  ==========

500, 502 and 504 may come from a gateway whose server has the mail already. Neither TLS that is not
trusted nor a proxy that refuses the connection mends itself, so both are permanent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from passpost.errors import Outcome, SendError
from passpost.http import Answer, Fault
from passpost_aliyun_dm.codes import known_fault

MAX_WORDS: Final = 200
"""Characters of the service's own words that an error keeps."""
MAX_WAIT: Final = 86_400.0
"""Seconds that a ``retry_after`` has at most."""

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,79}")
_DELAY: Final = re.compile(r"[0-9]{1,11}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")

# Plain words without digits, none of them longer than words are: no code, key, signature, address
# or base64 fits through.
_WORDS: Final = re.compile(r"(?:[A-Za-z]{1,20}(?:[ ,.;:'\"()/_-]+|$))+")
_SHORTEST_PRIVATE: Final = 3

_SUCCESS: Final = range(200, 300)
_SERVER_ERROR: Final = 500

_ENDPOINT_HINT: Final = (
    "what answered is no Direct Mail endpoint: check endpoint, and any proxy on the way"
)
_LOOK: Final = "look in the console whether the mail was sent"
_LOOK_UP: Final = "look the code up in Aliyun's error centre"
_BUSY: Final = "Direct Mail, or a gateway before it, is overloaded"

_BY_STATUS: Final[Mapping[int, Fault]] = {
    401: Fault("account", _ENDPOINT_HINT),
    403: Fault("account", _ENDPOINT_HINT),
    404: Fault("account", _ENDPOINT_HINT),
    407: Fault("network", "the proxy wants credentials: put them into HTTPS_PROXY"),
    408: Fault("provider", _BUSY, temporary=True),
    413: Fault("message", "the mail is too large for the endpoint"),
    425: Fault("provider", _BUSY, temporary=True),
    429: Fault("provider", _BUSY, temporary=True),
    503: Fault("provider", _BUSY, temporary=True),
}


def refusal(answer: Answer, private: Iterable[str] = ()) -> SendError:
    """Make the error for an answer that is no acceptance.

    Args:
        answer: The answer.
        private: Texts that the error must not repeat: the recipient, the payload.
    """
    document = answer.document()
    code = _matching(_CODE, document.get("Code"))
    outcome, fault = _judged(answer.status, code)
    return SendError(
        _summary(answer, code, outcome),
        outcome=outcome,
        scope=fault.scope,
        temporary=fault.temporary,
        retry_after=retry_after(answer.headers) if fault.temporary else None,
        provider_code=code or f"HTTP {answer.status}",
        response=_response(document, code, private),
        hint=fault.hint,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds to wait: Aliyun's own header counts milliseconds, HTTP's seconds."""
    for name, unit in (("x-acs-retry-after", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if _DELAY.fullmatch(value) and int(value) > 0:
            return min(int(value) * unit, MAX_WAIT)
    return None


def _judged(status: int, code: str | None) -> tuple[Outcome, Fault]:
    known = known_fault(code) if code else None
    if known is not None:
        return "rejected", known
    if code is None and status in _BY_STATUS:
        return "rejected", _BY_STATUS[status]
    if status in _SUCCESS or status >= _SERVER_ERROR:
        temporary = status >= _SERVER_ERROR
        return "unknown", Fault("provider", _LOOK, temporary=temporary)
    return "rejected", Fault("provider", _LOOK_UP if code else _ENDPOINT_HINT)


def _summary(answer: Answer, code: str | None, outcome: Outcome) -> str:
    what = f"{code}, " if code else ""
    said = f"Direct Mail answered {what}HTTP status {answer.status}"
    if outcome == "unknown":
        return f"{said}, and no id; whether it took the mail is unknown"
    return said if code else f"{said}, without an error code"


def _response(document: Mapping[str, Any], code: str | None, private: Iterable[str]) -> str | None:
    parts = []
    # The words about a wrong signature repeat what was signed: the whole mail.
    if code and "signature" not in code.lower():
        parts.append(_plain_words(document.get("Message"), private))
    if request := _matching(_REQUEST_ID, document.get("RequestId")):
        parts.append(f"RequestId {request}")
    return "; ".join(filter(None, parts)) or None


def _plain_words(message: Any, private: Iterable[str]) -> str | None:
    """Keep the service's words if they can hold nothing of the mail, else nothing of them."""
    if not isinstance(message, str) or len(message) > MAX_WORDS or not _WORDS.fullmatch(message):
        return None
    lower = message.lower()
    if any(len(text) >= _SHORTEST_PRIVATE and text.lower() in lower for text in private):
        return None
    return message.rstrip(" .")


def _matching(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
