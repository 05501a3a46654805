"""One HTTP client for all sends, which knows for each fault whether an email may be out.

What decides is whether the body of the request was begun. A request whose headers say how long its
body is, and whose body never came, is no request: no server can have acted on it. From the first
octet of the body on, a break or a timeout leaves the outcome unknown.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpcore

from passpost._http.answers import Answer
from passpost._http.breaks import BREAKS, break_in
from passpost._http.network import Body, current
from passpost._http.pool import made_pool

if TYPE_CHECKING:
    from passpost._http.settings import Timeouts
    from passpost._messages.messages import Mail

log: Final = logging.getLogger("passpost.http")

MAX_ANSWER: Final = 65_536
"""Octets of a response that are read; providers' have a few hundred."""

_USUAL_PORTS: Final = {"http": 80, "https": 443}
_IN_TARGET: Final = "!#$%&'()*+,/:;=?@[]~"


class HttpClient:
    """A session over HTTP: one client with one TLS context, whose connections all sends share.

    It follows no redirect, reads no more of a response than a provider's can have, repeats nothing,
    keeps no cookie, takes proxies from the environment (``HTTPS_PROXY``, ``ALL_PROXY``,
    ``NO_PROXY``), and sends nothing on a connection that holds what nobody asked for.

    Args:
        config: The connector's config, for its timeouts.
        url: The base of all URLs: ``https://api.example.com``.
        user_agent: What the connector calls itself: ``passpost-acme/1.0``.

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
        self._pool = made_pool(self._parts)
        self._closed = False

    @property
    def host(self) -> str:
        """The value of the ``Host`` header: the host, with the port where it is not the usual."""
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
    ) -> Answer:
        """Make one request, once.

        Args:
            path: The path, and perhaps a query: ``/v3/mail/send``; empty for the base URL itself.
            body: The whole body.
            headers: Headers besides ``Host``, ``Content-Length``, ``Accept`` and ``User-Agent``.
            seconds_left: Until when the email is worth sending: `Mail.seconds_left`.
            is_email: Whether the request sends the email. Pass False for one that sends nothing,
                such as a request for a token: when it fails, the email was not sent.

        Returns:
            The response, whatever its status.

        Raises:
            SendError: There was none: ``rejected`` if no octet of the body had gone out, or if the
                request sends no email.
        """
        counted = Body(body)
        total = self._config.total_timeout / 1000
        if seconds_left is not None:
            total = min(total, seconds_left)
        request = self._request("POST", path, counted, headers, total)
        return await self._made(request, counted, total, is_email=is_email)

    async def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Ask for something that sends no email: for a check of the connection.

        Returns:
            The response, whatever its status.

        Raises:
            SendError: There was none; it is always ``rejected``.
        """
        total = self._config.total_timeout / 1000
        body = Body(b"")
        request = self._request("GET", path, body, headers, total)
        return await self._made(request, body, total, is_email=False)

    async def post_json(
        self,
        path: str,
        document: Any,
        headers: Mapping[str, str],
        mail: Mail | None,
        *,
        is_email: bool = True,
    ) -> Answer:
        """Make one request whose body is a JSON document.

        Args:
            path: The path, as in `post`.
            document: What the body holds.
            headers: Headers besides those of `post` and ``Content-Type``.
            mail: The email whose deadline the request keeps; None if it keeps none.
            is_email: Whether the request sends the email, as in `post`.

        Raises:
            SendError: There was no response, as in `post`.
        """
        return await self.post(
            path,
            json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
            {"content-type": "application/json", **headers},
            seconds_left=mail.seconds_left() if mail else None,
            is_email=is_email,
        )

    async def post_form(
        self,
        path: str,
        form: Mapping[str, str],
        headers: Mapping[str, str],
        mail: Mail | None,
        *,
        is_email: bool = True,
    ) -> Answer:
        """Make one request whose body is a form: ``application/x-www-form-urlencoded``.

        Args:
            path: The path, as in `post`.
            form: The names and values; they are encoded in UTF-8.
            headers: Headers besides those of `post` and ``Content-Type``.
            mail: The email whose deadline the request keeps; None if it keeps none.
            is_email: Whether the request sends the email, as in `post`.

        Raises:
            SendError: There was no response, as in `post`.
        """
        return await self.post(
            path,
            urlencode(form).encode(),
            {"content-type": "application/x-www-form-urlencoded", **headers},
            seconds_left=mail.seconds_left() if mail else None,
            is_email=is_email,
        )

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

    def _request(
        self, method: str, path: str, body: Body, headers: Mapping[str, str], total: float
    ) -> httpcore.Request:
        # The pool below would open connections again, which nobody closes.
        if self._closed:
            raise RuntimeError("the client was closed")
        named = {**self._headers, **headers, "content-length": str(body.size)}
        connect = min(self._config.connect_timeout / 1000, total)
        read = min(self._config.read_timeout / 1000, total)
        return httpcore.Request(
            method,
            self._target(path),
            headers=[
                (name.encode("ascii"), value.encode("ascii")) for name, value in named.items()
            ],
            content=body,
            extensions={
                "timeout": {"connect": connect, "read": read, "write": read, "pool": connect}
            },
        )

    async def _made(
        self, request: httpcore.Request, body: Body, total: float, *, is_email: bool
    ) -> Answer:
        try:
            async with asyncio.timeout(total):
                return await self._exchange(request, body, is_email=is_email)
        except BREAKS as broken:
            error = break_in(broken, begun=body.begun and is_email)
        # Raised here, so that no context keeps a request: it holds the email and the credentials.
        raise error

    async def _exchange(self, request: httpcore.Request, body: Body, *, is_email: bool) -> Answer:
        token = current.set(body)
        try:
            response = await self._pool.handle_async_request(request)
            try:
                answer = Answer(
                    response.status,
                    _headers(response.headers),
                    await _capped(response),
                    is_email=is_email,
                )
            finally:
                await response.aclose()
        finally:
            current.reset(token)
        log.debug(
            "%s %s: HTTP status %d", request.method.decode(), self._parts.netloc, answer.status
        )
        return answer


def _host_header(url: str) -> str:
    parts = urlsplit(url)
    usual = parts.port is None or parts.port == _USUAL_PORTS.get(parts.scheme)
    return parts.netloc.removesuffix(f":{parts.port}") if usual else parts.netloc


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give headers by their names in lower case, the values of a repeated one joined."""
    headers: dict[str, str] = {}
    for octets, value in raw:
        name, text = octets.decode("ascii").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def _capped(response: httpcore.Response) -> bytes | None:
    """Read a body as it came, and give up where it is longer than any provider's response."""
    octets = b""
    async for part in response.aiter_stream():
        octets += part
        if len(octets) > MAX_ANSWER:
            return None
    return octets
