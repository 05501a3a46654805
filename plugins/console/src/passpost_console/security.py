"""What protects a console: the name it is asked for, where a change comes from, and its headers."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import attrs
from starlette.datastructures import Headers, MutableHeaders

from passpost_console.phrases import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Scope, Send

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names by which a machine reaches itself."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""What a page of the console may load: its own files only, and nothing inline."""

_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE: Final = frozenset(("GET", "HEAD"))
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")


class Rejected(Exception):  # noqa: N818 - it says what happened
    """A request is rejected.

    Attributes:
        status: The status of the response.
        reason: Why, as a phrase.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value.lower() for value in values)


@attrs.frozen
class Hosts:
    """The names under which a console answers, so that no foreign name can lead to it.

    Attributes:
        names: Hostnames and addresses, an IPv6 address in brackets. ``name:port`` allows this port
            alone.
        addresses: Whether any IP address is allowed: only names can be bound to a foreign address.
    """

    names: frozenset[str] = attrs.field(converter=_names)
    addresses: bool = False

    def allow(self, header: str) -> bool:
        """Return whether a ``Host`` header names this console."""
        match = _HOST.fullmatch(header.lower())
        if match is None:
            return False
        name = match[1]
        return bool({name, match[0]} & self.names) or (self.addresses and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def check_request(scope: Scope, hosts: Hosts, programs: tuple[str, ...] = ()) -> None:
    """Check where a request goes and where a change comes from.

    Args:
        scope: The request.
        hosts: The names under which the site answers.
        programs: The paths that programs ask. They send no cookie: each request has a token, which
            no page of another site can send.

    Raises:
        Rejected: The request did not come from a page of this console.
    """
    headers = Headers(scope=scope)
    host = headers.getlist("host")
    if len(host) != 1 or not hosts.allow(host[0]):
        raise Rejected(421, _("The console does not answer under this hostname."))
    if "websocket" in headers.get("upgrade", "").lower():
        raise Rejected(403, _("The console has no WebSockets."))
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if scope["method"] not in _SAFE and not path.startswith(tuple(f"{one}/" for one in programs)):
        _check_origin(headers, host[0])


def _check_origin(headers: Headers, host: str) -> None:
    """Check that a change comes from a page of the same origin, and that the browser says so."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "null")
    known = origin != "null"
    if known and origin.lower().partition("://")[2] != host.lower():
        raise Rejected(403, _("The request came from another site."))
    if site is not None and site != "same-origin":
        raise Rejected(403, _("The request came from another site."))
    # A referrer policy may hide the origin; then the browser's own statement has to be there.
    if site is None and not known:
        raise Rejected(403, _("The request does not say which page it came from."))


def protecting(send: Send, scope: Scope) -> Send:
    """Return what sends a response with the headers that protect it.

    A header that the response has already stays, such as the policy of a page in a frame.
    """

    async def protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("referrer-policy", _referrer_policy(scope))
        await send(message)

    return protected


def _referrer_policy(scope: Scope) -> str:
    """Return ``no-referrer`` wherever browsers send ``Sec-Fetch-Site``.

    Over plain HTTP from another machine they do not. There `Origin` has to be in each change, and
    browsers leave it out with ``no-referrer``.
    """
    name = Headers(scope=scope).get("host", "").lower()
    match = _HOST.fullmatch(name)
    is_local = match is not None and match[1] in LOOPBACK
    return "no-referrer" if is_local or scope["scheme"] == "https" else "same-origin"
