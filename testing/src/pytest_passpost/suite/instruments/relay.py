"""A server between a connector and the stand-in, which repeats what it was told.

Connectors may ask for a token first. So it passes every request on, and answers only the one by
which the stand-in accepted an email. It also knows what no setting
holds: the tokens that the provider gives out and that the connector then shows. When told to, it
puts them into rejections.
"""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from pytest_passpost.servers.http.messages import Answer, Request
from pytest_passpost.servers.http.server import Answers, HttpServer, answered, handler_of
from pytest_passpost.servers.listener import HOST
from pytest_passpost.suite.instruments.pointing import leaves, replaced

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORTEST: Final = 8
"""Characters that a token has at least."""

_NOT_TOKENS: Final = frozenset(("host", "accept", "content-type", "content-length", "user-agent"))
_HOPS: Final = frozenset(("content-length", "transfer-encoding", "connection"))
_REFUSED: Final = 400


class Relay(HttpServer):
    """Passes requests on as they came, and answers back.

    Args:
        port: The port on 127.0.0.1 of the stand-in.
        taken: How many emails the stand-in has taken so far.
        instead: What is said to an email in place of the stand-in's own answer.
    """

    def __init__(self, port: int, taken: Callable[[], int], instead: Answers | None = None) -> None:
        super().__init__(self._pass_on)
        self._port = port
        self._taken = taken
        self._taken_before = taken()
        self._said: set[str] = set()
        self._shown: set[str] = set()
        self._instead = None if instead is None else handler_of(instead)
        self._repeats = False

    @property
    def tokens(self) -> list[str]:
        """What the provider said and the connector then showed in a header."""
        with self._changed:
            return sorted(self._shown)

    @property
    def emails(self) -> int:
        """How many requests brought an email."""
        return self._taken() - self._taken_before

    def repeat(self, instead: Answers | None = None) -> None:
        """Put what a request holds, and all tokens, into each rejection from here on.

        Args:
            instead: What is said to an email in place of the stand-in's own answer.
        """
        with self._changed:
            self._repeats = True
            self._instead = None if instead is None else handler_of(instead)

    async def _pass_on(self, request: Request) -> Answer:
        with self._changed:
            self._shown |= {word for word in self._said if _shows(request, word)}
            instead = self._instead
        before = self._taken()
        answer = await asyncio.to_thread(self._asked, request)
        if instead is not None and self._taken() > before:
            answer = await answered(instead, request)
        with self._changed:
            self._said |= set(_words(answer))
            if not self._repeats or answer.status < _REFUSED:
                return answer
            return _repeating(answer, f"{whole(request)} {' '.join(sorted(self._shown))}")

    def _asked(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=30)
        try:
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            headers = {name: v for name, v in response.getheaders() if name.lower() not in _HOPS}
            return Answer(response.status, response.read(), headers)
        finally:
            connection.close()


def whole(request: Request) -> str:
    """Return all that was in a request, as text."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    return f"{request.target}\n{headers}\n\n{request.body.decode('latin-1')}"


def _words(answer: Answer) -> list[str]:
    try:
        document = json.loads(answer.body)
    # Deeply nested brackets exhaust the parser's stack.
    except (ValueError, RecursionError):
        return []
    texts = [value for _, value in leaves(document) if isinstance(value, str)]
    return [text for text in texts if len(text) >= _SHORTEST]


def _shows(request: Request, word: str) -> bool:
    return any(word in value for name, value in request.headers if name not in _NOT_TOKENS)


def _repeating(answer: Answer, told: str) -> Answer:
    """Copy a rejection with every text in it followed by what is repeated."""

    def change(_: object, value: Any) -> Any:
        return f"{value} {told}" if isinstance(value, str) else value

    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return attrs.evolve(answer, body=answer.body + told.encode())
    return attrs.evolve(answer, body=json.dumps(replaced(document, change)).encode())
