"""The base of stand-ins for providers over HTTP."""

from __future__ import annotations

import abc
import secrets
import threading
from typing import TYPE_CHECKING, Any

from pytest_passpost.servers.http.server import HttpServer
from pytest_passpost.servers.scripted import ServerStandIn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pytest_passpost.servers.http.messages import Answer, Request
    from pytest_passpost.stand_in import ReadableMail

    Taker = Callable[[ReadableMail, Answer], Awaitable[Answer]]


class Refused(Exception):  # noqa: N818 - the provider's answer, not a fault of the stand-in
    """The provider does not take a request.

    Args:
        answer: What it answers.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class HttpStandIn(ServerStandIn[HttpServer], abc.ABC):
    """A stand-in whose author writes the provider's rules alone; see `pytest_passpost.StandIn`.

    ::

        class StandIn(HttpStandIn):
            @property
            def settings(self):
                return {"endpoint": self.server.url, "apiKey": KEY}

            wrong_settings = None

            def admit(self, request):
                if request.header("authorization") != f"Bearer {KEY}":
                    raise Refused(Answer(401))

            def take(self, request):
                document = request.json()
                return ReadableMail(...), Answer.json({"id": "1"})
    """

    def __init__(self) -> None:
        super().__init__(HttpServer(self._answer))
        self._received: list[ReadableMail] = []
        self._refusals: list[Answer] = []
        self._violations: list[str] = []
        self._issued: list[str] = []
        self._taker: Taker | None = None
        self._lock = threading.Lock()

    @property
    @abc.abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Settings that reach this server, complete but for ``templates``."""

    @property
    @abc.abstractmethod
    def wrong_settings(self) -> Mapping[str, Any] | None:
        """The same with a wrong key, for a deliberate failure; None without one."""

    @abc.abstractmethod
    def admit(self, request: Request) -> None:
        """Verify who sends a request.

        Raises:
            Refused: It is not authentic.
        """

    @abc.abstractmethod
    def take(self, request: Request) -> tuple[ReadableMail | None, Answer]:
        """Return the email in a request that was let in, and what the provider answers.

        Returns:
            The email, or None where the request asks for something else; and the answer.

        Raises:
            Refused: The provider would not take it.
        """

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        """The emails that were accepted so far, in order."""
        with self._lock:
            return tuple(self._received)

    @property
    def violations(self) -> tuple[str, ...]:
        """What it has rejected by its own rules, in order: request, status and body."""
        with self._lock:
            return tuple(self._violations)

    @property
    def issued(self) -> tuple[str, ...]:
        """The tokens that it has issued, which are secrets as the settings' are."""
        with self._lock:
            return tuple(self._issued)

    def issue_token(self) -> str:
        """Make a token for the answer to a client that may have one; it is in `issued`."""
        with self._lock:
            self._issued.append(f"token-{secrets.token_urlsafe(18)}")
            return self._issued[-1]

    def refuse_with(self, answer: Answer, times: int = 1) -> None:
        """Answer the next emails like this, and take none of them.

        What comes before an email, such as a request for a token, is answered as ever.
        """
        with self._lock:
            self._refusals += [answer] * times

    def hand_over(self, taker: Taker) -> None:
        """Hand emails over to a function from here on, and keep none of them in `received`.

        Args:
            taker: Called with each email and the provider's answer to it, on the event loop of the
                server. What it returns is answered: the same, or what it was made to say instead.
        """
        self._taker = taker

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__}, {len(self.received)} emails>"

    def _answer(self, request: Request) -> Answer | Awaitable[Answer]:
        try:
            self.admit(request)
            mail, answer = self.take(request)
        except Refused as refused:
            self._note(request, refused.answer)
            return refused.answer
        if mail is None:
            return answer
        with self._lock:
            if self._refusals:
                return self._refusals.pop(0)
            if self._taker is None:
                self._received.append(mail)
                return answer
        return self._taker(mail, answer)

    def _note(self, request: Request, answer: Answer) -> None:
        said = answer.body.decode("utf-8", "replace")
        with self._lock:
            self._violations.append(
                f"{request.method} {request.path}: HTTP status {answer.status} {said}".rstrip()
            )


__all__ = ["HttpStandIn", "Refused"]
