"""One HTTP client for all sends, which knows for each fault whether a mail may be out.

What decides is whether the body of the request was begun. A request whose headers say how long its
body is, and whose body never came, is no request: no server can have acted on it. From the first
octet of the body on, a break or a timeout leaves the outcome unknown.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from passpost.errors import SendError
from passpost.http.answers import Answer
from passpost.http.breaks import break_in

if TYPE_CHECKING:
    from passpost.http.settings import Timeouts
    from passpost.messages import Mail

MAX_ANSWER: Final = 65_536
"""Octets of an answer that are read; providers' have a few hundred."""

KEEPALIVE: Final = 10.0
"""Seconds that an idle connection is kept: less than the 15 and more after which providers' load
balancers close it. A mail that crosses such a close on the wire has an unknown outcome."""

_LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=20, keepalive_expiry=KEEPALIVE
)


class HttpClient:
    """A session over HTTP: one client with one TLS context, whose connections all sends share.

    It follows no redirect, reads no more of an answer than a provider's can have, repeats nothing,
    keeps no cookie, and takes proxies from the environment as httpx does.

    Args:
        config: The connector's config, for its timeouts.
        url: The base of all URLs: ``https://api.example.com``.
        user_agent: What the connector calls itself: ``passpost-acme/1.0``.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, config: Timeouts, url: str, user_agent: str) -> None:
        self._config = config
        self._url = httpx.URL(url)
        self._headers = {
            "host": self._url.netloc.decode("ascii"),
            "accept": "application/json",
            # An answer has a few hundred octets: compressing it helps nobody but a bomb.
            "accept-encoding": "identity",
            "user-agent": user_agent,
        }
        # Joining costs as much as signing does, and a connector has but a few paths.
        self._join = lru_cache(maxsize=32)(self._url.join)
        self._client = _made_client(secure=self._url.scheme == "https")

    @property
    def host(self) -> str:
        """The value of the ``Host`` header: the host, with the port where it is not the usual."""
        return self._headers["host"]

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds_left: float | None = None,
    ) -> Answer:
        """Make one request, once.

        Args:
            path: The path, and perhaps a query: ``/v3/mail/send``; empty for the base URL itself.
            body: The whole body.
            headers: Headers besides ``Host``, ``Content-Length``, ``Accept`` and ``User-Agent``.
            seconds_left: Until when the mail is worth sending: `Mail.seconds_left`.

        Returns:
            The answer, whatever its status.

        Raises:
            SendError: There was none: ``rejected`` where no octet of the body had gone out.
        """
        counted = _Body(body)
        total = self._config.total_timeout / 1000
        if seconds_left is not None:
            total = min(total, seconds_left)
        try:
            return await self._made(self._request("POST", path, counted, headers, total), total)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as broken:
            error = break_in(broken, begun=counted.begun)
        # Raised here, so that no context keeps a request: it holds the mail and the credentials.
        raise error

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Ask for something that is no mail: for a check of the connection.

        Returns:
            The answer, whatever its status.

        Raises:
            SendError: There was none; it is always ``rejected``.
        """
        total = self._config.total_timeout / 1000
        try:
            return await self._made(self._request("GET", path, _Body(b""), headers, total), total)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as broken:
            error = break_in(broken, begun=False)
        raise error

    async def post_json(
        self, path: str, document: Any, headers: Mapping[str, str], mail: Mail
    ) -> Answer:
        """Make one request whose body is a JSON document, within the deadline of its mail.

        Raises:
            SendError: There was no answer: ``rejected`` where no octet of the body had gone out.
        """
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", **headers}
        return await self.post(path, body, headers, seconds_left=mail.seconds_left())

    def _request(
        self, method: str, path: str, body: _Body, headers: Mapping[str, str], total: float
    ) -> httpx.Request:
        connect = min(self._config.connect_timeout / 1000, total)
        read = min(self._config.read_timeout / 1000, total)
        return httpx.Request(
            method,
            self._join(path),
            headers={**self._headers, **headers, "content-length": str(body.size)},
            stream=body,
            extensions={
                "timeout": {"connect": connect, "read": read, "write": read, "pool": connect}
            },
        )

    async def _made(self, request: httpx.Request, total: float) -> Answer:
        try:
            async with asyncio.timeout(total):
                return await self._exchange(request)
        # A redirect has its own exception, so that nothing looks at where it leads.
        except _Redirected as redirected:
            return Answer(redirected.status, {})

    async def _exchange(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            return Answer(response.status_code, response.headers, await _capped(response))
        finally:
            await response.aclose()


class _Redirected(Exception):  # noqa: N818 - it is no error of anybody, and does not leave this module
    """The answer was a redirect."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Body(httpx.AsyncByteStream):
    """The body of a request; it notes when it is first asked for, which is after the headers."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.size = len(octets)
        self.begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun = True
        yield self._octets


def _made_client(*, secure: bool) -> httpx.AsyncClient:
    try:
        return _client(secure=secure)
    # What httpx, ssl and a SOCKS proxy without its library raise; texts quote the proxy's URL.
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        kind = type(error).__name__
    raise SendError(
        f"the environment names a proxy or certificates that cannot be used ({kind})",
        outcome="rejected",
        scope="network",
        hint="Check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
    )


def _client(*, secure: bool) -> httpx.AsyncClient:
    """Make the client; everything that costs time is made here, once.

    Without TLS the endpoint is this machine itself, and a proxy named in the environment must not
    see the mail.
    """
    client = httpx.AsyncClient(
        verify=httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=secure,
        follow_redirects=False,
        limits=_LIMITS,
        event_hooks={"response": [_refuse_redirect]},
    )
    # Cookies have no meaning here, and a jar that a server fills would only grow.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


async def _refuse_redirect(response: httpx.Response) -> None:
    if response.is_redirect:
        raise _Redirected(response.status_code)


async def _capped(response: httpx.Response) -> bytes | None:
    """Read a body as it came, and give up where it is longer than any provider's answer."""
    octets = b""
    async for part in response.aiter_raw():
        octets += part
        if len(octets) > MAX_ANSWER:
            return None
    return octets
