"""An HTTP server for tests: real sockets, requests recorded, answers and faults by script."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_passpost.servers.certificates import Certificate, CertificateAuthority, server_context
from pytest_passpost.servers.faults import HTTP_PHASES
from pytest_passpost.servers.handshake import secured
from pytest_passpost.servers.http.conversation import Conversation
from pytest_passpost.servers.http.messages import Answer, Request
from pytest_passpost.servers.listener import counted
from pytest_passpost.servers.scripted import ScriptedServer

if TYPE_CHECKING:
    import ssl

    from pytest_passpost.servers.channel import Channel
    from pytest_passpost.servers.faults import Fault

Handler = Callable[[Request], Answer | Awaitable[Answer]]
"""Answers a request; it runs on the server's event loop, so it must not block."""

Answers = Answer | Sequence[Answer] | Handler
"""One answer for all requests; one for each, the last for all that follow; or a handler."""


class HttpServer(ScriptedServer):
    """An HTTP/1.1 server on 127.0.0.1, in a thread of its own, while its ``with`` block runs.

    ::

        with HttpServer(lambda request: Answer.json({"id": 1})) as server:
            httpx.post(server.url + "/emails", json={"to": "ada@example.com"})
            assert server.requests[0].json() == {"to": "ada@example.com"}

    A handler that raises is answered for with status 500, and its error is raised again when the
    block is left.

    Args:
        answers: One answer for all requests; a sequence, one for each, the last for all that
            follow; or a handler that is asked.
        tls: Whether it speaks HTTPS.
        certificate: Which certificate it shows, by name, or a context of one's own.
        authority: Who issues the certificate; None: `default_authority`.
        faults: What goes wrong, and when: phases ``connect``, ``tls``, ``request``, ``answer``,
            ``idle``.

    Raises:
        ValueError: There is no certificate of that name, or no answer in the sequence.
    """

    def __init__(
        self,
        answers: Answers | None = None,
        *,
        tls: bool = False,
        certificate: Certificate | ssl.SSLContext = "good",
        authority: CertificateAuthority | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        context = server_context(certificate, authority) if tls else None
        super().__init__(context, faults, HTTP_PHASES)
        self._handler = handler_of(Answer() if answers is None else answers)
        self._requests: list[Request] = []

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``, or ``https://localhost:port``."""
        return (
            f"https://localhost:{self.port}" if self._context else f"http://{self.host}:{self.port}"
        )

    @property
    def requests(self) -> list[Request]:
        """The requests that came, in order; a copy."""
        with self._changed:
            return list(self._requests)

    def forget(self) -> None:
        """Forget the requests so far, for a server that runs for a long time."""
        with self._changed:
            self._requests.clear()
            self._forget_closed()

    def answer(self, answers: Answers) -> None:
        """Answer like this from here on.

        Raises:
            ValueError: There is no answer in the sequence.
        """
        self._handler = handler_of(answers)

    def wait_for(self, requests: int = 1, timeout: float = 5.0) -> list[Request]:
        """Wait until so many requests came.

        Args:
            requests: How many.
            timeout: Seconds to wait at most.

        Returns:
            All requests so far.

        Raises:
            TimeoutError: Fewer came.
        """
        self._wait_until(
            lambda: len(self._requests) >= requests,
            timeout,
            lambda: f"{counted(requests, 'request')}: {len(self._requests)} arrived",
        )
        return self.requests

    async def _serve(self, channel: Channel, number: int) -> None:
        if (action := self._script.strike("connect")) and not await action.run(channel, b""):
            return
        if self._context and not await secured(channel, self._context, self._script):
            return
        await Conversation(channel, number, self._script, self._note, self._handle).run()

    def _note(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    async def _handle(self, request: Request) -> Answer:
        try:
            return await answered(self._handler, request)
        except Exception as error:  # noqa: BLE001 - raised again when the server's block is left
            self._defects.append(error)
            return Answer(500, "the handler failed")


async def answered(handler: Handler, request: Request) -> Answer:
    """Return a handler's answer, whichever kind of function it is."""
    answer = handler(request)
    return await answer if inspect.isawaitable(answer) else answer


def handler_of(answers: Answers) -> Handler:
    """Return the handler that gives these answers.

    Raises:
        ValueError: There is no answer in the sequence.
    """
    if callable(answers):
        return answers
    if isinstance(answers, Answer):
        return lambda _: answers
    if not answers:
        raise ValueError("a sequence of answers contains at least one")
    *first, last = answers
    left = iter(first)
    return lambda _: next(left, last)


__all__ = ["Answers", "Handler", "HttpServer"]
