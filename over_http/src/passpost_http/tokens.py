"""Access tokens that a connector fetches at run time (OAuth 2.0, RFC 6749)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from passpost._secret import Secret
from passpost.errors import SendError
from passpost_http.phrases import _
from passpost_http.responses import Fault

if TYPE_CHECKING:
    from passpost._messages.messages import Mail
    from passpost_http.client import HttpClient

_MARGIN: Final = 60.0
"""Seconds before its end at which a token is not used any more."""

_LIFETIME: Final = 3600.0
"""Seconds that a token lives if the response does not say."""

_REJECTED: Final = Fault(
    "account",
    _("Check the credentials with which the connector asks for a token, and their rights."),
)
_REJECTS: Final = (400, 401, 403)
_VISIBLE: Final = re.compile("[!-~]+")


class AccessToken:
    """A bearer token: fetched when first needed, shared by all sends, and renewed before its end.

    ::

        @hookimpl
        @asynccontextmanager
        async def open_session(config, register_secret):
            async with HttpClient(config, "https://login.acme.example", "acme/1.0") as login:
                form = {"grant_type": "client_credentials", **config.credentials()}
                yield AccessToken(login, "/oauth2/token", form, register_secret)

        @hookimpl
        async def send_mail(config, session, mail):
            headers = await session.headers(mail)
            ...

    A request for a token sends no email, so that whatever goes wrong with it is ``rejected``.

    Args:
        client: The client of the host that issues tokens.
        path: The path there.
        form: The parameters of the request.
        register_secret: The argument of `open_session`: the token is masked from then on.
        headers: Headers of the request, such as `basic_auth`.
    """

    def __init__(
        self,
        client: HttpClient,
        path: str,
        form: Mapping[str, str],
        register_secret: Callable[[str], None],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._path = path
        self._form = form
        self._headers = headers or {}
        self._register = register_secret
        self._lock = asyncio.Lock()
        self._token: Secret | None = None
        self._until = 0.0

    async def headers(self, mail: Mail | None = None) -> dict[str, str]:
        """Return the header ``Authorization`` with a token that is still good.

        Args:
            mail: The email that waits for it, whose deadline is kept.

        Raises:
            SendError: No token was issued; it is always ``rejected``.
        """
        try:
            async with asyncio.timeout(mail.seconds_left() if mail else None):
                token = await self._fresh(mail)
        except TimeoutError:
            token = None
        if token is None:
            raise SendError(
                _("no access token came before the deadline"),
                outcome="rejected",
                scope="network",
                temporary=True,
            )
        return {"authorization": f"Bearer {token.reveal()}"}

    def forget(self) -> None:
        """Fetch another token for the next email: call it if the provider rejected this one."""
        self._token = None

    async def _fresh(self, mail: Mail | None) -> Secret:
        # One request serves all emails that wait.
        async with self._lock:
            if self._token is None or time.monotonic() >= self._until:
                self._token = await self._fetch(mail)
            return self._token

    async def _fetch(self, mail: Mail | None) -> Secret:
        response = await self._client.post_form(
            self._path, self._form, self._headers, mail, is_email=False
        )
        document = response.document() if response.is_success else {}
        token = _token_in(document)
        if token is None:
            fault = _REJECTED if response.status in _REJECTS else None
            raise response.error(_("the token endpoint"), fault)
        self._register(token.reveal())
        self._until = time.monotonic() + _lifetime(document.get("expires_in")) - _MARGIN
        return token


def _token_in(document: Mapping[str, Any]) -> Secret | None:
    token = document.get("access_token")
    # What a header could not hold is not a token.
    if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
        return None
    return Secret(token)


def _lifetime(given: Any) -> float:
    try:
        seconds = float(given)
    except (TypeError, ValueError, OverflowError):
        return _LIFETIME
    return seconds if 0 < seconds < _LIFETIME else _LIFETIME
