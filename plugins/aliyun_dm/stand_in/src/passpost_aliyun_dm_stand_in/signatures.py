"""Verifies what the service verifies of a request before it looks at the email in it."""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import attrs

from passpost_aliyun_dm_stand_in.wire import Incoming, Refused

SKEW: Final = 15 * 60
"""Seconds that a request's time may be off."""

_VERSION: Final = "2015-11-23"
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_AUTHORIZATION: Final = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^, ]+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})"
)
_NEEDED: Final = ("host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce")
_COMMON: Final = (
    "Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion",
    "SignatureNonce", "Timestamp", "SecurityToken", "Signature", "RegionId", "SignatureType",
)  # fmt: skip


@attrs.frozen(repr=False)
class Key:
    """An access key that the service knows.

    Attributes:
        secret: Its secret.
        token: The security token it goes with; None for a permanent key.
        active: Whether it is switched on.
    """

    secret: str
    token: str | None = None
    active: bool = True


@attrs.frozen(repr=False)
class Call:
    """An authentic request.

    Attributes:
        action: The operation.
        parameters: The operation's own parameters.
        version: Which signature it bore: ``3`` or ``1.0``.
    """

    action: str
    parameters: Mapping[str, str]
    version: str


class Gate:
    """Lets authentic requests through, each once.

    Args:
        keys: The access keys by their ids.
        clock: Seconds since the epoch.
    """

    def __init__(self, keys: Mapping[str, Key], clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._nonces: set[tuple[str, str]] = set()

    def admit(self, request: Incoming) -> Call:
        """Verify a request.

        Raises:
            Refused: It is not authentic, not fresh, or not for Direct Mail.
        """
        if request.method != "POST" or request.path != "/":
            raise Refused("InvalidApi.NotFound", "Specified api is not found", 404)
        if "authorization" in request.headers:
            return self._admit_3(request)
        return self._admit_1_0(request)

    def _admit_3(self, request: Incoming) -> Call:
        headers = request.headers
        parsed = _AUTHORIZATION.fullmatch(headers["authorization"])
        if parsed is None or any(name not in headers for name in _NEEDED):
            raise Refused("IncompleteSignature", "The request signature is not complete")
        key_id, signed, signature = parsed.groups()
        key = self._key(key_id, headers.get("x-acs-security-token"))
        self._fresh(key_id, headers["x-acs-date"], headers["x-acs-signature-nonce"])
        canonical = _canonical_request(request, signed.split(";"))
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        expected = hmac.new(key.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        self._compare(signature, expected, canonical)
        _right_version(headers["x-acs-version"])
        parameters = _merged(request)
        return Call(headers["x-acs-action"], parameters, "3")

    def _admit_1_0(self, request: Incoming) -> Call:
        parameters = _merged(request)
        signature = parameters.get("Signature")
        if signature is None or "AccessKeyId" not in parameters:
            raise Refused("IncompleteSignature", "The request is not signed")
        _right_method(parameters)
        key_id = parameters["AccessKeyId"]
        key = self._key(key_id, parameters.get("SecurityToken"))
        self._fresh(key_id, parameters.get("Timestamp", ""), parameters.get("SignatureNonce", ""))
        to_sign = _string_to_sign(request.method, parameters)
        digest = hmac.new(f"{key.secret}&".encode(), to_sign.encode(), hashlib.sha1).digest()
        self._compare(signature, base64.b64encode(digest).decode(), to_sign)
        _right_version(parameters.get("Version", ""))
        own = {name: value for name, value in parameters.items() if name not in _COMMON}
        return Call(parameters.get("Action", ""), own, "1.0")

    def _key(self, key_id: str, token: str | None) -> Key:
        key = self._keys.get(key_id)
        if key is None:
            raise Refused("InvalidAccessKeyId.NotFound", "Specified access key is not found", 404)
        if not key.active:
            raise Refused("InvalidAccessKeyId.Inactive", "Specified access key is disabled")
        if key.token is not None and token is None:
            raise Refused("MissingSecurityToken", "SecurityToken is mandatory for this action")
        if key.token != token:
            raise Refused(
                "InvalidSecurityToken.MismatchWithAccessKey",
                "Specified SecurityToken mismatch with the AccessKey",
            )
        return key

    def _fresh(self, key_id: str, moment: str, nonce: str) -> None:
        if not _TIME.fullmatch(moment):
            raise Refused("InvalidTimeStamp.Format", "Specified time stamp is not well formatted")
        seconds = calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ"))
        if abs(seconds - self._clock()) > SKEW:
            raise Refused("InvalidTimeStamp.Expired", "Specified time stamp is expired")
        if not nonce:
            raise Refused("MissingParameter", "The nonce is mandatory for this action")
        if (key_id, nonce) in self._nonces:
            raise Refused("SignatureNonceUsed", "Specified signature nonce was used already")
        self._nonces.add((key_id, nonce))

    def _compare(self, given: str, expected: str, to_sign: str) -> None:
        if not hmac.compare_digest(given.encode(), expected.encode()):
            # The service repeats what it signed, which holds the whole email. So does this.
            raise Refused(
                "SignatureDoesNotMatch",
                "Specified signature is not matched with our calculation. server string to sign "
                f"is:{to_sign}",
            )


def _canonical_request(request: Incoming, signed: list[str]) -> str:
    headers = request.headers
    unsigned = [n for n in headers if n.startswith("x-acs-") or n in {"host", "content-type"}]
    if signed != sorted(signed) or any(name not in signed for name in unsigned):
        raise Refused("IncompleteSignature", "A header that has to be signed is not")
    body_hash = hashlib.sha256(request.body).hexdigest()
    if headers.get("x-acs-content-sha256") != body_hash:
        raise Refused("SignatureDoesNotMatch", "The hash of the body does not match")
    lines = [f"{name}:{headers.get(name, '')}" for name in signed]
    query = _canonical_query(request.query_parameters())
    parts = [request.method, request.path, query, *lines, "", ";".join(signed), body_hash]
    return "\n".join(parts)


def _canonical_query(parameters: Mapping[str, str]) -> str:
    return "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(parameters.items())
    )


def _string_to_sign(method: str, parameters: Mapping[str, str]) -> str:
    rest = {name: value for name, value in parameters.items() if name != "Signature"}
    return f"{method}&{quote('/', safe='')}&{quote(_canonical_query(rest), safe='~')}"


def _merged(request: Incoming) -> dict[str, str]:
    query, form = request.query_parameters(), request.form_parameters()
    if query.keys() & form.keys():
        raise Refused("InvalidParameter", "A parameter is given twice")
    return query | form


def _right_method(parameters: Mapping[str, str]) -> None:
    method = parameters.get("SignatureMethod"), parameters.get("SignatureVersion")
    if method != ("HMAC-SHA1", "1.0"):
        raise Refused("IncompleteSignature", "The signature method is not supported")
    if parameters.get("Format", "XML").upper() != "JSON":
        # The service would answer XML then; no client of this imitation reads it.
        raise Refused("InvalidParameter", "Format has to be JSON here")


def _right_version(version: str) -> None:
    if version != _VERSION:
        raise Refused("NoSuchVersion", "Specified version is not found", 404)
