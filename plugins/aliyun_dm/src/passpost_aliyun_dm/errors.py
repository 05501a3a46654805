"""Turns a response of Direct Mail, or a broken connection, into an error.

==============================================  ========  ==================  ==========
response                                        outcome   scope               temporary
==============================================  ========  ==================  ==========
2xx with an ``EnvId``                           accepted
an error with a ``Code`` of `codes`             rejected  as in that table    likewise
an unknown ``Code`` with 4xx                    rejected  provider            no
an unknown ``Code`` with 5xx                    unknown   provider            yes
an unknown ``Code`` with any other status       unknown   provider            no
no ``Code``                                     as the status alone says: `passpost.http.fault_of`
no connection, or TLS not trusted               rejected  network             see below
a break or timeout before the body went out     rejected  network             yes
a break or timeout afterwards                   unknown   network             yes
==============================================  ========  ==================  ==========

An untrusted certificate and a proxy that rejects the connection are permanent: neither repairs
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from passpost import SendError
from passpost.http import MAX_WAIT, Fault, Response, fault_of
from passpost_aliyun_dm import _
from passpost_aliyun_dm.codes import known_fault

MAX_WORDS: Final = 200
"""Maximum length of the service's own words in an error."""

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,79}")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,11}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")

# Plain words without digits, none of them longer than words are: no code, key, signature, address
# or base64 fits through.
_WORDS: Final = re.compile(r"(?:[A-Za-z]{1,20}(?:[ ,.;:'\"()/_-]+|$))+")
_SHORTEST_PRIVATE: Final = 3

_REFUSALS: Final = range(400, 500)
_SERVER_ERROR: Final = 500

_LOOK: Final = _("Check in the console whether the email was sent.")
_LOOK_UP: Final = _("Search for the code in Aliyun's error center.")


def refusal(response: Response, private: Iterable[str] = ()) -> SendError:
    """Return the error for a response that is not an acceptance.

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
    """Return the seconds to wait: Aliyun's own header is in milliseconds, HTTP's in seconds."""
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
    # The words about a wrong signature repeat what was signed: the whole email.
    if code and "signature" not in code.lower():
        parts.append(_plain_words(document.get("Message"), private))
    if request := _matching(_REQUEST_ID, document.get("RequestId")):
        parts.append(f"RequestId {request}")
    return "; ".join(filter(None, parts)) or None


def _plain_words(message: Any, private: Iterable[str]) -> str | None:
    """Return the service's words if they cannot contain any of the email, or None."""
    if not isinstance(message, str) or len(message) > MAX_WORDS or not _WORDS.fullmatch(message):
        return None
    # passpost masks what is repeated in the same case, and leaves a name of three characters.
    lower = message.lower()
    if any(len(text) >= _SHORTEST_PRIVATE and text.lower() in lower for text in private):
        return None
    return message.rstrip(" .")


def _matching(pattern: re.Pattern[str], value: Any) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
