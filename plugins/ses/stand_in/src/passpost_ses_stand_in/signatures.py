"""Verifies Signature Version 4 as a service does; it shares nothing with what signs."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

import attrs

if TYPE_CHECKING:
    from pytest_passpost import Request

SKEW: Final = 5 * 60
"""Seconds that a request's time may be off."""

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>\w+)/(?P<scope>[\w/-]+), ?"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SPACES: Final = re.compile(" +")

_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method."
)


@attrs.frozen(repr=False)
class Key:
    """An access key that the service knows.

    Attributes:
        secret: Its secret.
        token: The session token that it goes with; None for a permanent key.
    """

    secret: str
    token: str | None = None


Refusal = tuple[str, str]
"""An error code, and what the service says."""


def verify(
    request: Request, keys: Mapping[str, Key], place: tuple[str, str], now: float
) -> Refusal | None:
    """Return why a request is not authentic, or None if it is.

    Args:
        request: The request.
        keys: The access keys by their ids.
        place: The region and the service.
        now: Seconds since the epoch.
    """
    given = request.header("authorization")
    if given is None:
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    parsed = _AUTHORIZATION.fullmatch(given)
    moment = request.header("x-amz-date") or ""
    if parsed is None or not _TIME.fullmatch(moment):
        return "IncompleteSignatureException", "Authorization header or X-Amz-Date is malformed"
    signed = parsed["signed"].split(";")
    return (
        _wrong_key(keys.get(parsed["key"]), request)
        or _wrong_scope(parsed["scope"], moment, place)
        or _unsigned(request, signed)
        or _stale(moment, now)
        or _wrong_signature(request, signed, parsed, keys[parsed["key"]])
    )


def _wrong_key(key: Key | None, request: Request) -> Refusal | None:
    if key is None or (key.token is not None and request.header("x-amz-security-token") is None):
        says = "The security token included in the request is invalid."
        return "UnrecognizedClientException", says
    if key.token != request.header("x-amz-security-token"):
        return "ExpiredTokenException", "The security token included in the request is expired"
    return None


def _wrong_scope(scope: str, moment: str, place: tuple[str, str]) -> Refusal | None:
    if scope.split("/") != [moment[:8], *place, "aws4_request"]:
        says = f"Credential should be scoped to a valid region and service: {'/'.join(place)}."
        return "InvalidSignatureException", says
    return None


def _unsigned(request: Request, signed: list[str]) -> Refusal | None:
    names = {name for name, _ in request.headers}
    wanted = {name for name in names if name.startswith("x-amz-")} | {"host"}
    wanted |= names & {"content-type"}
    if signed != sorted(set(signed)) or not wanted <= set(signed) or not set(signed) <= names:
        return "InvalidSignatureException", "A header that has to be signed is not"
    return None


def _stale(moment: str, now: float) -> Refusal | None:
    try:
        seconds = calendar.timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return "IncompleteSignatureException", "X-Amz-Date is not a time"
    if seconds < now - SKEW:
        return "InvalidSignatureException", f"Signature expired: {moment} is now too early"
    if seconds > now + SKEW:
        return "InvalidSignatureException", f"Signature not yet current: {moment} is too late"
    return None


def _wrong_signature(
    request: Request, signed: list[str], parsed: re.Match[str], key: Key
) -> Refusal | None:
    canonical = _canonical(request, signed)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    moment = request.header("x-amz-date")
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{parsed['scope']}\n{digest}"
    steps = [*parsed["scope"].split("/"), to_sign]
    expected = reduce(_hmac, steps, b"AWS4" + key.secret.encode()).hex()
    if not hmac.compare_digest(expected, parsed["signature"]):
        # The service repeats what it signed, headers and all. So does this.
        says = f"{_MISMATCH} The Canonical String for this request should have been '{canonical}'"
        return "InvalidSignatureException", says
    return None


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical(request: Request, signed: list[str]) -> str:
    target = urlsplit(request.target)
    pairs = sorted(
        (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in parse_qsl(target.query, keep_blank_values=True)
    )
    headers = [
        f"{name}:{_SPACES.sub(' ', (request.header(name) or '').strip())}" for name in signed
    ]
    return "\n".join(
        [
            request.method,
            "/".join(quote(segment, safe="~") for segment in target.path.split("/")),
            "&".join(f"{name}={value}" for name, value in pairs),
            *headers,
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
