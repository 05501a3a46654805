"""Signs requests to Amazon Web Services: Signature Version 4.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

import attrs

from passpost import Secret

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@attrs.frozen
class Credentials:
    """An access key.

    Attributes:
        key_id: Its id.
        secret: Its secret.
        token: The session token that it goes with; None for a permanent key.
    """

    key_id: str
    secret: Secret
    token: Secret | None = None


@attrs.frozen
class Region:
    """Where a signature is good: in one region of one service.

    Attributes:
        name: ``us-east-1``.
        service: ``ses``.
    """

    name: str
    service: str


@attrs.frozen(repr=False)
class Unsigned:
    """A request before it is signed; all of it is signed.

    Attributes:
        method: ``POST``.
        path: The path as it appears in the request line, percent-encoded.
        headers: The headers to sign, ``host`` among them, by names in lower case.
        body: The body.
        query: The query, its parameters sorted and percent-encoded.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""


def signed_headers(
    request: Unsigned, credentials: Credentials, region: Region, now: dt.datetime
) -> dict[str, str]:
    """Return the headers of a request with those that sign it.

    Args:
        request: The request.
        credentials: The access key.
        region: Where it goes.
        now: The time, in UTC.
    """
    dated = {**request.headers, "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ")}
    if credentials.token is not None:
        dated["x-amz-security-token"] = credentials.token.reveal()
    signature = authorization(attrs.evolve(request, headers=dated), credentials, region)
    return {**dated, "authorization": signature}


def authorization(request: Unsigned, credentials: Credentials, region: Region) -> str:
    """Return the header ``Authorization`` of a request that has its ``x-amz-date`` already."""
    moment = request.headers["x-amz-date"]
    scope = f"{moment[:8]}/{region.name}/{region.service}/aws4_request"
    hashed = hashlib.sha256(canonical_request(request).encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashed}"
    key = f"AWS4{credentials.secret.reveal()}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return (
        f"{_ALGORITHM} Credential={credentials.key_id}/{scope}, "
        f"SignedHeaders={';'.join(sorted(request.headers))}, "
        f"Signature={_hmac(key, to_sign).hex()}"
    )


def canonical_request(request: Unsigned) -> str:
    """Return the text whose hash is signed."""
    names = sorted(request.headers)
    lines = [f"{name}:{' '.join(request.headers[name].split())}" for name in names]
    return "\n".join(
        (
            request.method,
            # Encoded once more than it is sent: all services but S3 require it.
            quote(request.path, safe="/~"),
            request.query,
            *lines,
            "",
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
