"""One HTTP client for all sends, which knows for each failure whether an email may be sent.

What decides is whether the body of the request had begun to go out. No server can act on a request
whose headers announce a body that never came. From the first octet of the body on, a break or a
timeout leaves the outcome unknown.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

import httpcore

from passpost._departure import departure
from passpost.errors import SendError
from passpost_http.breaks import BREAKS, break_in
from passpost_http.environment import proxy_for, trusted
from passpost_http.network import Body, Network, current
from passpost_http.phrases import _
from passpost_http.responses import Response

if TYPE_CHECKING:
    from passpost._messages.messages import Mail
    from passpost_http.settings import Timeouts

log: Final = logging.getLogger("passpost.http")

MAX_RESPONSE: Final = 65_536
"""Octets of a response that are read; providers' have a few hundred."""

MAX_CONNECTIONS: Final = 100
"""Connections of a client; a request beyond them waits."""

MAX_IDLE: Final = 20
"""Connections that are kept for later."""

KEEPALIVE: Final = 10.0
"""Seconds that an idle connection is kept: less than the 15 and more after which providers' load
balancers close it. An email that crosses such a close on the wire has an unknown outcome."""

_OF_SOCKS: Final = ("socks5", "socks5h")
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_IN_TARGET: Final = "!#$%&'()*+,/:;=?@[]~"


class HttpClient:
    """A session over HTTP: one client with one TLS context, whose connections all sends share.

    It follows no redirect, reads no more of a response than a provider's can have, repeats nothing,
    keeps no cookie, takes proxies from the environment (``HTTPS_PROXY``, ``ALL_PROXY``,
    ``NO_PROXY``), and sends nothing on a connection with data that no request asked for.

    Args:
        config: The connector's config, for its timeouts.
        url: The base of all URLs: ``https://api.example.com``.
        user_agent: The connector's name and version: ``passpost-acme/1.0``.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, config: Timeouts, url: str, user_agent: str) -> None:
        self._config = config
        self._url = url
        self._parts = urlsplit(url)
        self._headers = {
            "host": _host_header(url),
            "accept": "application/json",
            # A response has a few hundred octets: compressing it helps nobody but a bomb.
            "accept-encoding": "identity",
            "user-agent": user_agent,
        }
        # A connector has but a few paths.
        self._target = lru_cache(maxsize=32)(self._joined)
        self._pool = make_pool(self._parts)
        self._closed = False

    @property
    def host(self) -> str:
        """The value of the ``Host`` header: the hostname, and an unusual port."""
        return self._headers["host"]

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        await self._pool.__aexit__(kind, error, trace)

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds_left: float | None = None,
        is_email: bool = True,
    ) -> Response:
        """Make one request, once.

        Args:
            path: The path, and perhaps a query: ``/v3/mail/send``; empty for the base URL itself.
            body: The whole body.
            headers: Headers besides ``Host``, ``Content-Length``, ``Accept`` and ``User-Agent``.
            seconds_left: How long the email is worth sending: `Mail.seconds_left`.
            is_email: Whether the request sends the email. Pass False for one that sends nothing,
                such as a request for a token: when it fails, the email was not sent.

        Returns:
            The response, whatever its status.

        Raises:
            SendError: There was none: ``rejected`` if no octet of the body had gone out, or if the
                request sends no email.
        """
        sent = Body(body, departure() if is_email else None)
        return await self._exchange("POST", path, sent, headers, seconds_left, is_email)

    async def post_json(
        self,
        path: str,
        document: Any,
        headers: Mapping[str, str],
        mail: Mail | None,
        *,
        is_email: bool = True,
    ) -> Response:
        """Make one request whose body is a JSON document.

        Args:
            path: The path, as in `post`.
            document: The body's content.
            headers: Headers besides those of `post` and ``Content-Type``.
            mail: The email whose deadline the request keeps; None if it keeps none.
            is_email: Whether the request sends the email, as in `post`.

        Raises:
            SendError: There was no response, as in `post`.
        """
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", **headers}
        left = mail.seconds_left() if mail else None
        return await self.post(path, body, headers, seconds_left=left, is_email=is_email)

    async def post_form(
        self,
        path: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        mail: Mail | None,
        *,
        is_email: bool = True,
    ) -> Response:
        """Make one request whose body is a form in UTF-8: ``application/x-www-form-urlencoded``.

        The arguments are those of `post_json`, but for `form`: names and values.

        Raises:
            SendError: There was no response, as in `post`.
        """
        headers = {"content-type": "application/x-www-form-urlencoded", **headers}
        left = mail.seconds_left() if mail else None
        body = urlencode(form).encode()
        return await self.post(path, body, headers, seconds_left=left, is_email=is_email)

    async def get(self, path: str, headers: Mapping[str, str]) -> Response:
        """Make a request that sends no email: for a check of the connection.

        Returns:
            The response, whatever its status.

        Raises:
            SendError: There was none; it is always ``rejected``.
        """
        return await self._exchange("GET", path, Body(b""), headers, None, is_email=False)

    def _joined(self, path: str) -> httpcore.URL:
        parts = urlsplit(urljoin(self._url, path))
        if parts[:2] != self._parts[:2]:
            raise ValueError("a path leads to another host: make another HttpClient for it")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return httpcore.URL(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port,
            target=quote(target, safe=_IN_TARGET),
        )

    async def _exchange(  # noqa: PLR0913, PLR0917 - the parts of a request
        self,
        method: str,
        path: str,
        body: Body,
        headers: Mapping[str, str],
        seconds_left: float | None,
        is_email: bool,
    ) -> Response:
        total = self._config.total_timeout / 1000
        total = total if seconds_left is None else min(total, seconds_left)
        request = self._request(method, path, body, headers, total)
        token = current.set(body)
        try:
            async with asyncio.timeout(total):
                response = await self._response(request, is_email=is_email)
        except BREAKS as broken:
            error = break_in(broken, begun=body.begun and is_email)
        else:
            log.debug("%s %s: HTTP status %d", method, self._parts.netloc, response.status)
            return response
        finally:
            current.reset(token)
        # Raised here, so that no context keeps a request: it holds the email and the credentials.
        raise error

    def _request(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], total: float
    ) -> httpcore.Request:
        # The pool below would open connections again, which nobody closes.
        if self._closed:
            raise RuntimeError("the client was closed")
        named = {**self._headers, **headers, "content-length": str(body.size)}
        connect = min(self._config.connect_timeout / 1000, total)
        read = min(self._config.read_timeout / 1000, total)
        timeouts = {"connect": connect, "read": read, "write": read, "pool": connect}
        return httpcore.Request(
            method,
            self._target(path),
            headers=[(name.encode("ascii"), text.encode("ascii")) for name, text in named.items()],
            content=body,
            extensions={"timeout": timeouts},
        )

    async def _response(self, request: httpcore.Request, *, is_email: bool) -> Response:
        response = await self._pool.handle_async_request(request)
        try:
            body = await _read_body(response)
        finally:
            await response.aclose()
        return Response(response.status, _headers(response.headers), body, is_email=is_email)


def _host_header(url: str) -> str:
    parts = urlsplit(url)
    usual = parts.port is None or parts.port == _USUAL_PORTS.get(parts.scheme)
    return parts.netloc.removesuffix(f":{parts.port}") if usual else parts.netloc


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by their names in lower case, the values of a repeated one joined."""
    headers: dict[str, str] = {}
    for octets, value in raw:
        name, text = octets.decode("ascii").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def _read_body(response: httpcore.Response) -> bytes | None:
    """Read a body as it came, and give up where it is longer than any provider's response."""
    octets = b""
    async for part in response.aiter_stream():
        octets += part
        if len(octets) > MAX_RESPONSE:
            return None
    return octets


def make_pool(url: SplitResult) -> httpcore.AsyncConnectionPool:
    """Make a pool, with certificates and proxies from the environment.

    Raises:
        SendError: The environment names a proxy or certificates that cannot be used.
    """
    try:
        return _pool(url)
    # What ssl, httpcore and a SOCKS proxy without its library raise; texts quote the proxy's URL.
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        kind = type(error).__name__
    raise SendError(
        _("the environment names a proxy or certificates that cannot be used ({kind})", kind=kind),
        outcome="rejected",
        scope="network",
        hint=_("Check HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."),
    )


def _pool(url: SplitResult) -> httpcore.AsyncConnectionPool:
    options: dict[str, Any] = {
        "max_connections": MAX_CONNECTIONS,
        "max_keepalive_connections": MAX_IDLE,
        "keepalive_expiry": KEEPALIVE,
    }
    # Without TLS the endpoint is this machine itself, and a proxy named in the environment must
    # not see the email.
    if url.scheme == "http":
        return httpcore.AsyncConnectionPool(network_backend=Network(), **options)
    options["ssl_context"] = trusted()
    proxy = proxy_for(url)
    if proxy is None:
        return httpcore.AsyncConnectionPool(network_backend=Network(), **options)
    return _pool_behind(proxy, {**options, "network_backend": Network(anywhere=True)})


def _pool_behind(proxy: SplitResult, options: dict[str, Any]) -> httpcore.AsyncConnectionPool:
    at = httpcore.URL(scheme=proxy.scheme, host=proxy.hostname or "", port=proxy.port, target="/")
    named = proxy.username is not None
    auth = (unquote(proxy.username or ""), unquote(proxy.password or "")) if named else None
    if proxy.scheme in _OF_SOCKS:
        # httpcore would find out with the first connection only.
        if find_spec("socksio") is None:
            raise ImportError("socksio")
        return httpcore.AsyncSOCKSProxy(at, proxy_auth=auth, **options)
    if proxy.scheme not in ("http", "https"):
        raise ValueError("an unknown kind of proxy")
    own = options["ssl_context"] if proxy.scheme == "https" else None
    return httpcore.AsyncHTTPProxy(at, proxy_auth=auth, proxy_ssl_context=own, **options)
