"""Talks to SES: signed requests over one HTTP client."""

from __future__ import annotations

import datetime as dt
import json
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from passpost import Receipt
from passpost.http import HttpClient, identifier
from passpost_ses import __version__
from passpost_ses.errors import refusal
from passpost_ses.message import send_email
from passpost_ses.signature import Credentials, Region, Unsigned, signed_headers

if TYPE_CHECKING:
    from passpost import Mail
    from passpost_ses.config import SesConfig

_SEND: Final = "/v2/email/outbound-emails"
_JSON: Final = {"content-type": "application/json"}


class Ses:
    """A session: one HTTP client whose connections all sends share.

    Args:
        config: The connector's config.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, config: SesConfig) -> None:
        self._config = config
        self._credentials = Credentials(
            config.access_key_id, config.secret_access_key, config.session_token
        )
        self._region = Region(config.region, "ses")
        self._http = HttpClient(config, config.base, f"passpost-ses/{__version__}")

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def send(self, mail: Mail) -> Receipt:
        """Send one email, once.

        Raises:
            SendError: It was not accepted, or the outcome is unknown.
        """
        document = json.dumps(send_email(self._config, mail), ensure_ascii=False)
        body = document.encode()
        headers = self._signed("POST", _SEND, _JSON, body)
        response = await self._http.post(_SEND, body, headers, seconds_left=mail.seconds_left())
        if response.is_success and (taken := identifier(response.document().get("MessageId"))):
            return Receipt(provider_id=taken)
        raise refusal(response)

    async def look_up(self, path: str) -> dict[str, Any]:
        """Call an operation that reads, and return its response.

        Args:
            path: The path, percent-encoded.

        Raises:
            SendError: It was rejected, or SES cannot be reached.
        """
        response = await self._http.get(path, self._signed("GET", path, {}, b""))
        if not response.is_success:
            raise refusal(response)
        return response.document()

    def _signed(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> dict[str, str]:
        request = Unsigned(method, path, {"host": self._http.host, **headers}, body)
        now = dt.datetime.now(dt.UTC)
        return signed_headers(request, self._credentials, self._region, now)
