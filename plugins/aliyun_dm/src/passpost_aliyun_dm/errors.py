"""Says what a response of Direct Mail means, and what a broken connection means.

==============================================  ========  ==================  ==========
what came back                                  outcome   scope               temporary
==============================================  ========  ==================  ==========
2xx with an ``EnvId``                           accepted
an error with a ``Code`` of `codes`             rejected  as the table there  likewise
an unknown ``Code`` with 4xx                    rejected  provider            no
an unknown ``Code`` with 5xx                    unknown   provider            yes
an unknown ``Code`` with any other status       unknown   provider            no
no ``Code``                                     as the status alone says: `passpost.http.fault_of`
no connection, or TLS not trusted               rejected  network             see below
a break or timeout before the body went out     rejected  network             yes
a break or timeout afterwards                   unknown   network             yes
==============================================  ========  ==================  ==========

Neither TLS that is not
trusted nor a proxy that refuses the connection mends itself, so both are permanent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from passpost import SendError
from passpost.http import MAX_WAIT, Fault, Response, fault_of
from passpost_aliyun_dm.codes import known_fault

MAX_WORDS: Final = 200
"""Characters of the service's own words that an error keeps."""

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,79}")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,11}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")

# Plain words without digits, none of them longer than words are: no code, key, signature, address
# or base64 fits through.
_WORDS: Final = re.compile(r"(?:[A-Za-z]{1,20}(?:[ ,.;:'\"()/_-]+|$))+")
_SHORTEST_PRIVATE: Final = 3

_REFUSALS: Final = range(400, 500)
_SERVER_ERROR: Final = 500

_LOOK: Final = "Look in the console whether the email was sent."
_LOOK_UP: Final = "Look the code up in Aliyun's error center."


def refusal(response: Response, private: Iterable[str] = ()) -> SendError:
    """Make the error for a response that is no acceptance.

    Args:
        response: The response.
        private: Texts that the error must not repeat: the recipient, the payload.
    """
    document = response.document()
    code = _matching(_CODE, document.get("Code"))
    return response.error(
        "Direct Mail",
        _fault(response.status, code),
        code=code,
        words=_response(document, code, private),
        retry_after=retry_after(response),
    )


def retry_after(response: Response) -> float | None:
    """Return how many seconds to wait: Aliyun's own header counts milliseconds, HTTP's seconds."""
    value = response.headers.get("x-acs-retry-after", "").strip()
    if _MILLISECONDS.fullmatch(value) and int(value) > 0:
        return min(int(value) / 1000, MAX_WAIT)
    return response.retry_after


def _fault(status: int, code: str | None) -> Fault:
    if code is None:
        return fault_of(status)
    if known := known_fault(code):
        return known
    if status in _REFUSALS:
        return Fault("provider", _LOOK_UP)
    return Fault("provider", _LOOK, temporary=status >= _SERVER_ERROR, outcome="unknown")


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
