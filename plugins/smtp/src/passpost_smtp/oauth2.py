"""OAuth2 tokens for XOAUTH2, by way of google-auth (the extra ``passpost-smtp[oauth2]``)."""

from __future__ import annotations

import asyncio
import datetime as dt
import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost import Secret
from passpost.wire import dial
from passpost_smtp import _
from passpost_smtp.config import EncryptedKey, ServiceAccountAuth, TokenAuth
from passpost_smtp.errors import SmtpError

if TYPE_CHECKING:
    from passpost_smtp.config import SmtpConfig

_SCOPE: Final = "https://mail.google.com/"
_MARGIN: Final = 60.0
"""Seconds before its expiry at which a token is no longer used."""
_LIFETIME: Final = 3600.0
"""Seconds that a token lives where nobody says otherwise."""
_MAX_ANSWER: Final = 65536
"""Octets that are read of an answer."""
_REFUSALS: Final = frozenset((
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope", "access_denied",
))  # fmt: skip

_REVOKED: Final = _(
    "Check that the client, and the refresh token or service account, are not revoked."
)
_UNREACHABLE: Final = _("Check auth.accessUrl, and the network between this machine and it.")


class TokenSource:
    """Gives access tokens for one mailbox, and fetches new ones before they expire.

    Args:
        config: A config whose ``auth`` is of OAuth2.
        register_secret: Takes each token that is fetched, before anyone uses it.
    """

    def __init__(self, config: SmtpConfig, register_secret: Callable[[str], None]) -> None:
        auth = config.auth
        if not isinstance(auth, TokenAuth | ServiceAccountAuth):
            raise TypeError("the config has no OAuth2")
        self.user = auth.user
        self._register_secret = register_secret
        self._auth = auth
        self._server = config.server
        self._lock = asyncio.Lock()
        self._token: Secret | None = None
        self._until = 0.0
        if isinstance(auth, TokenAuth) and auth.access_token is not None:
            self._token = auth.access_token
            self._until = auth.expires / 1000 if auth.expires is not None else float("inf")

    async def token(self, seconds: float) -> Secret:
        """Return a token that is still good; one is fetched if need be.

        Args:
            seconds: How long that may take.

        Raises:
            SmtpError: There is none to be had.
        """
        async with self._lock:
            if self._token is None or self._until - _MARGIN < time.time():
                self._token, self._until = await self._fetch_token(seconds)
                self._register_secret(self._token.reveal())
            return self._token

    def reject(self) -> None:
        """Forget the token: the server did not take it."""
        self._until = 0.0 if self._renewable else self._until

    @property
    def _renewable(self) -> bool:
        return isinstance(self._auth, ServiceAccountAuth) or self._auth.refresh_token is not None

    async def _fetch_token(self, seconds: float) -> tuple[Secret, float]:
        if not self._renewable:
            raise self._make_error(_("the access token has expired, and there is no refresh token"))
        what: str = _("no token in time")
        temporary = True
        try:
            # The thread goes on after that, until its own timeout; nobody hears of it.
            async with asyncio.timeout(seconds):
                # google-auth blocks.
                return await asyncio.to_thread(_fetch, self._auth, seconds)
        except TimeoutError:
            pass
        except ImportError:
            what = _("OAuth2 requires an extra: pip install 'passpost-smtp[oauth2]'")
            temporary = False
        except Exception as error:  # noqa: BLE001 - google-auth's, requests' and cryptography's own
            what, temporary = _explain(error)
        # Outside of the except block: those errors hold requests, and those hold secrets.
        raise self._make_error(what, temporary=temporary)

    def _make_error(self, what: str, *, temporary: bool = False) -> SmtpError:
        return SmtpError(
            "token",
            _("{server}: {what}", server=self._server, what=what),
            scope="network" if temporary else "account",
            temporary=temporary,
            hint=_UNREACHABLE if temporary else _REVOKED,
        )


def _fetch(auth: TokenAuth | ServiceAccountAuth, seconds: float) -> tuple[Secret, float]:
    """Fetch a token with the library; blocks."""
    credentials = _from_key(auth) if isinstance(auth, ServiceAccountAuth) else _from_token(auth)
    credentials.refresh(_TokenRequest(seconds))
    until = time.time() + _LIFETIME
    if credentials.expiry is not None:
        until = credentials.expiry.replace(tzinfo=dt.UTC).timestamp()
    return Secret(str(credentials.token)), until


def _from_token(auth: TokenAuth) -> Any:
    from google.oauth2 import credentials  # noqa: PLC0415 - the extra

    make: Any = credentials.Credentials  # the library has no types for its constructors
    return make(
        token=None,
        refresh_token=_text(auth.refresh_token),
        client_id=auth.client_id,
        client_secret=_text(auth.client_secret),
        token_uri=str(auth.access_url),
    )


def _from_key(auth: ServiceAccountAuth) -> Any:
    from google.oauth2 import service_account  # noqa: PLC0415 - the extra

    make: Any = service_account.Credentials.from_service_account_info
    info = {
        "client_email": auth.service_client,
        "private_key": _pem(auth.private_key),
        "token_uri": str(auth.access_url),
    }
    return make(info, scopes=[_SCOPE], subject=auth.user)


def _pem(key: Secret | EncryptedKey) -> str:
    if isinstance(key, Secret):
        return key.reveal()
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the extra

    opened = serialization.load_pem_private_key(
        key.key.reveal().encode(), key.passphrase.reveal().encode()
    )
    return opened.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def _text(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


class _TokenRequest:
    """HTTP as google-auth requires it: on the standard library, without redirects, bounded.

    Args:
        seconds: How long each request may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._opener = urllib.request.build_opener(_NoRedirects, _GuardedHttps, _GuardedHttp)

    def __call__(  # the transport's signature has more, which token requests do not use
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> _Answer:
        """Make a request; an answer of whatever status is an answer."""
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310 - TokenUrl lets https pass only
        try:
            with self._opener.open(request, timeout=self._seconds) as response:
                return _Answer(response.status, dict(response.headers), response.read(_MAX_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                return _Answer(error.code, dict(error.headers), error.read(_MAX_ANSWER))


@attrs.frozen
class _Answer:
    """What google-auth reads of a response."""

    status: int
    headers: Mapping[str, str]
    data: bytes = attrs.field(repr=False)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    # Another server is not who the operator trusts with the secret, whatever this one says.
    def redirect_request(self, *_: object) -> None:
        """Follow none: the request holds secrets."""


class _GuardedConnection(http.client.HTTPConnection):
    """A connection to an address that may be reached, or to the proxy of this process."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = self._connect_guarded

    def _connect_guarded(self, address: tuple[str, int], timeout: float, *_: Any) -> socket.socket:
        if getattr(self, "_tunnel_host", None) is not None:
            return socket.create_connection(address, timeout)
        # This runs in a thread without an event loop.
        sock = asyncio.run(_connect(address, timeout))
        sock.settimeout(timeout)
        return sock


async def _connect(address: tuple[str, int], seconds: float) -> socket.socket:
    async with asyncio.timeout(seconds):
        return await dial.connect(await dial.resolve(*address, None), None)


class _GuardedHttpsConnection(_GuardedConnection, http.client.HTTPSConnection):
    """The same with TLS."""


class _GuardedHttp(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_GuardedConnection, req)


class _GuardedHttps(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_GuardedHttpsConnection, req)


def _explain(error: Exception) -> tuple[str, bool]:
    """Return what went wrong, in words of our own, and whether it is temporary."""
    if isinstance(error, OSError):
        return _("the token server is not reachable"), True
    if bool(getattr(error, "retryable", False)):
        return _("the token server failed"), True
    if type(error).__name__ == "RefreshError":
        return _("the token server rejected the request: {code}", code=_oauth2_code(error)), False
    return _("no token could be obtained ({error})", error=type(error).__name__), False


def _oauth2_code(error: Exception) -> str:
    """Return the code of a rejection (RFC 6749 section 5.2). It quotes nothing of the request."""
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, Mapping) else None
    return code if code in _REFUSALS else _("without a reason")
