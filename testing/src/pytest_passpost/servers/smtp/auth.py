"""The server's side of AUTH: PLAIN, LOGIN, CRAM-MD5 and XOAUTH2, as generators.

Each yields its challenges and is sent the client's responses, both already out of base64; it
returns who the client says it is and whether that is so. A response that makes no sense raises
`ValueError`, without the response in it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Generator, Mapping
from typing import Final

from passpost import Secret
from pytest_passpost.servers.smtp.records import Credentials

Exchange = Generator[bytes, bytes, tuple[str, str, bool]]
"""Challenges out, responses in; at the end user, secret and whether they are right."""

Users = Mapping[str, str]


def plain(users: Users, initial: bytes | None) -> Exchange:
    """Do PLAIN (RFC 4616)."""
    response = initial if initial is not None else (yield b"")
    parts = response.split(b"\0")
    if len(parts) != 3:  # noqa: PLR2004 - authorization identity, user, password
        raise ValueError("PLAIN requires an identity, a user and a password with NUL between them")
    _, user, password = (_text(part) for part in parts)
    return user, password, _known(users, user, password)


def login(users: Users, initial: bytes | None) -> Exchange:
    """Do LOGIN (draft-murchison-sasl-login)."""
    user = _text(initial if initial is not None else (yield b"Username:"))
    password = _text((yield b"Password:"))
    return user, password, _known(users, user, password)


def cram_md5(users: Users, initial: bytes | None) -> Exchange:
    """Do CRAM-MD5 (RFC 2195), which has no initial response."""
    if initial is not None:
        raise ValueError("CRAM-MD5 has no initial response")
    challenge = f"<{os.urandom(8).hex()}@mail.example.test>".encode()
    user, _, digest = _text((yield challenge)).rpartition(" ")
    if not user:
        raise ValueError("CRAM-MD5 requires a user and a digest")
    right = hmac.new(users.get(user, "").encode(), challenge, hashlib.md5).hexdigest()
    return user, digest, user in users and hmac.compare_digest(digest.encode(), right.encode())


def xoauth2(users: Users, initial: bytes | None) -> Exchange:
    """Do XOAUTH2 as Google describes it: a rejection is a challenge to be answered emptily."""
    response = _text(initial if initial is not None else (yield b""))
    fields = dict(part.partition("=")[::2] for part in response.split("\x01") if part)
    user, token = fields.get("user", ""), fields.get("auth", "")
    if not response.endswith("\x01\x01") or not user or not token.startswith("Bearer "):
        raise ValueError("XOAUTH2 requires user= and auth=Bearer, each ended by ^A, and another ^A")
    token = token.removeprefix("Bearer ")
    right = _known(users, user, token)
    if not right and (
        yield b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
    ):
        raise ValueError("XOAUTH2 requires an empty response to the error's description")
    return user, token, right


_EXCHANGES: Final[dict[str, Callable[[Users, bytes | None], Exchange]]] = {
    "PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5, "XOAUTH2": xoauth2,
}  # fmt: skip


class Authentication:
    """One AUTH command from its first line to its end.

    Args:
        mechanism: One of `MECHANISMS`.
        users: Secrets by user.
        tls: Whether TLS is up; it is noted with the credentials.
    """

    def __init__(self, mechanism: str, users: Users, *, tls: bool) -> None:
        self._mechanism = mechanism
        self._users = users
        self._tls = tls
        self._exchange: Exchange | None = None

    def begin(self, initial: bytes | None) -> bytes | Credentials:
        """Start, with the initial response if the client gave one.

        Raises:
            ValueError: The response makes no sense.
        """
        self._exchange = _EXCHANGES[self._mechanism](self._users, initial)
        return self._step(None)

    def respond(self, response: bytes) -> bytes | Credentials:
        """Go on with the client's response.

        Returns:
            The next challenge, or at the end the credentials.

        Raises:
            ValueError: The response makes no sense.
        """
        return self._step(response)

    def _step(self, response: bytes | None) -> bytes | Credentials:
        if self._exchange is None:
            raise AssertionError("begin comes first")
        try:
            # A generator that was not started yet takes nothing but None.
            return self._exchange.send(response)  # type: ignore[arg-type]  # likewise
        except StopIteration as end:
            user, secret, right = end.value
        return Credentials(self._mechanism, user, Secret(secret), right, self._tls)


def _known(users: Users, user: str, secret: str) -> bool:
    return user in users and hmac.compare_digest(users[user].encode(), secret.encode())


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        pass  # raised outside, since that error carries what the client sent
    raise ValueError("what was sent is not UTF-8")


__all__ = ["Authentication", "Exchange", "Users"]
