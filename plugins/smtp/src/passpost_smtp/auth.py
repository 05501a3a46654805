"""Signing in: what to send for each mechanism of AUTH (RFC 4954), without I/O.

A mechanism is a generator. It gives the first command, then takes each challenge of the server
(decoded) and gives the answer to it, until the server has decided.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final

from passpost_smtp import _

if TYPE_CHECKING:
    from passpost_smtp.reply import Reply

Exchange = Generator[bytes, bytes, None]
"""Gives lines with their CRLF, takes challenges."""

MAX_COMMAND: Final = 512
"""Octets in a command with its CRLF; a longer first answer waits its turn (RFC 4954 section 4)."""

PASSWORD_IN_CLEAR: Final = frozenset({"PLAIN", "LOGIN"})
"""Mechanisms that show the password to anyone who listens, unless TLS hides it."""

UNDER_TLS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
"""Mechanisms for a password in order of preference: PLAIN needs one round trip, the others more."""

# A round trip is a small price for a password that is not shown.
IN_CLEAR: Final = ("CRAM-MD5", "PLAIN", "LOGIN")
"""The same where there is no TLS."""


def _line(data: bytes) -> bytes:
    return b64encode(data) + b"\r\n"


def _first(mechanism: bytes, data: bytes) -> Exchange:
    """Send the mechanism with the first answer; or without, where the line would be too long."""
    line = b"AUTH " + mechanism + b" " + _line(data)
    if len(line) <= MAX_COMMAND:
        yield line
    else:
        yield b"AUTH " + mechanism + b"\r\n"
        yield _line(data)


def plain(user: str, password: str) -> Exchange:
    """Return the exchange of PLAIN (RFC 4616)."""
    yield from _first(b"PLAIN", f"\0{user}\0{password}".encode())


def login(user: str, password: str) -> Exchange:
    """Return the exchange of LOGIN, which asks for the user name and then for the password."""
    yield b"AUTH LOGIN\r\n"
    yield _line(user.encode())
    yield _line(password.encode())


def cram_md5(user: str, password: str) -> Exchange:
    """Return the exchange of CRAM-MD5 (RFC 2195): the password itself is not sent."""
    challenge = yield b"AUTH CRAM-MD5\r\n"
    digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
    yield _line(f"{user} {digest}".encode())


def xoauth2(user: str, token: str) -> Exchange:
    """Return the exchange of XOAUTH2, as Google and Microsoft document it."""
    yield from _first(b"XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode())
    # A challenge now holds the reason of a rejection; the rejection itself comes after an empty
    # answer.
    yield b"\r\n"


MECHANISMS: Final[dict[str, Callable[[str, str], Exchange]]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "XOAUTH2": xoauth2,
}
"""What starts an exchange, given the user's name and the password or token."""


def choose(
    offered: tuple[str, ...], *, oauth2: bool, encrypted: bool, clear_allowed: bool
) -> str | None:
    """Choose the one mechanism to use.

    Args:
        offered: What the server offers.
        oauth2: Whether there is a token rather than a password.
        encrypted: Whether the connection has TLS.
        clear_allowed: Whether the settings say that a password may go unencrypted.

    Returns:
        Its name, or None: there is none that may be used.
    """
    if oauth2:
        # A bearer token is a password: anyone who reads it may use it.
        usable = "XOAUTH2" in offered and (encrypted or clear_allowed)
        return "XOAUTH2" if usable else None
    preferred = UNDER_TLS if encrypted else IN_CLEAR
    for mechanism in preferred:
        hidden = encrypted or clear_allowed or mechanism not in PASSWORD_IN_CLEAR
        if mechanism in offered and hidden:
            return mechanism
    return None


def why_none(offered: tuple[str, ...], *, encrypted: bool) -> tuple[str, str]:
    """Return why `choose` found no mechanism, and how to fix it."""
    names = " ".join(offered)
    if not offered:
        what, hint = (
            _("credentials are set, but the server does not offer authentication (AUTH)"),
            _("Remove auth if the server requires none, or use its submission port (587 or 465)."),
        )
    elif not encrypted and set(offered) & set(MECHANISMS):
        what, hint = (
            _("the server offers only {names}, and the connection is not encrypted", names=names),
            _(
                "Remove requireTLS: false. Set ignoreTLS only if the network to the server is "
                "private."
            ),
        )
    else:
        what, hint = (
            _("the server offers {names}, none of which fits the credentials", names=names),
            _("Passwords require PLAIN, LOGIN or CRAM-MD5; OAuth2 tokens require XOAUTH2."),
        )
    return what, hint


def challenge_of(reply: Reply) -> bytes:
    """Decode the challenge in a reply 334; one that is not base64 is an empty one."""
    try:
        return a2b_base64(reply.lines[0])
    except Base64Error:
        return b""
