"""Who may enter a console of its own: a browser that was launched with it, or has the secret."""

from __future__ import annotations

import secrets
import time
from hmac import compare_digest
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final

from starlette.requests import HTTPConnection

from passpost_console.pace import Guesses

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

    from passpost_console.pace import Clock

SHORTEST_SECRET: Final = 16
"""Characters in the shortest secret: nobody guesses it over a network."""

_MOST: Final = 32
"""Browsers at a time; the oldest has to enter again."""


class TooManyGuesses(Exception):  # noqa: N818 - it says what happened
    """There were too many wrong secrets.

    Attributes:
        wait: Seconds until the next one is looked at.
    """

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class Gate:
    """Lets browsers in that know the launch token or the secret, each for as long as it runs.

    Args:
        port: The port of the console: cookies do not keep those of two ports apart.
        secret: A secret that lets browsers in, besides the launch token; None for none.
        clock: Returns the time in seconds.
    """

    def __init__(self, port: int, secret: str | None = None, clock: Clock = time.monotonic) -> None:
        self.cookie = f"passpost-console-{port}"
        self._secret = secret
        self._token: str | None = secrets.token_urlsafe(32)
        self._sessions: list[str] = []
        self._guesses = Guesses(clock)
        self._lock = Lock()

    @property
    def token(self) -> str | None:
        """The launch token, until it was used."""
        return self._token

    @property
    def takes_secrets(self) -> bool:
        """Whether there is a secret to enter with."""
        return self._secret is not None

    def __call__(self, scope: Scope) -> bool:
        """Return whether a request comes from a browser that has entered."""
        given = HTTPConnection(scope).cookies.get(self.cookie, "")
        known = [_same(given, session) for session in self._sessions]
        return any(known)

    def enter(self, token: str) -> bool:
        """Use the launch token, and return whether it was right: the second time it is not."""
        with self._lock:
            right = self._token is not None and _same(token, self._token)
            if right:
                self._token = None
        return right

    def knows(self, secret: str, address: str) -> bool:
        """Return whether this is the secret.

        Args:
            secret: What may be the secret.
            address: Where it comes from.

        Raises:
            TooManyGuesses: There were too many wrong ones; this one was not looked at.
        """
        if wait := self._guesses.begin(address):
            raise TooManyGuesses(ceil(wait))
        right = self._secret is not None and _same(secret, self._secret)
        if right:
            self._guesses.was_right(address)
        return right

    def admit(self, response: Response, path: str, *, secure: bool) -> None:
        """Let a browser in: it gets a cookie that no script and no other site can use.

        Args:
            response: The response that brings the cookie.
            path: The path of the console.
            secure: Whether the request came over HTTPS.
        """
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions = [*self._sessions[1 - _MOST :], session]
        response.set_cookie(
            self.cookie, session, path=path, httponly=True, samesite="strict", secure=secure
        )

    def dismiss(self, request: Request, response: Response, path: str) -> None:
        """Let a browser out: its cookie is worth nothing from now on.

        Args:
            request: A request of the browser.
            response: The response that takes the cookie back.
            path: The path of the console.
        """
        given = request.cookies.get(self.cookie, "")
        with self._lock:
            self._sessions = [one for one in self._sessions if not _same(given, one)]
        response.delete_cookie(self.cookie, path=path, httponly=True, samesite="strict")


def _same(given: str, right: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), right.encode())
