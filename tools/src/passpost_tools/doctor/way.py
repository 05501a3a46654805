"""The way to a server: its addresses, and a connection to each."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import threading
import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost._network.reachable import refused
from passpost_tools.doctor.diagnosis import Diagnosis, Result, _
from passpost_tools.doctor.line import connected
from passpost_tools.doctor.names import NoAnswerError
from passpost_tools.providers import HOSTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from passpost import Server
    from passpost._network.dial import AddressInfo
    from passpost.phrases import Phrase
    from passpost_tools.doctor.names import Names

LOOK_UP: Final = 5.0
"""Seconds for the addresses of a name."""

CONNECT: Final = 5.0
"""Seconds for a connection."""

MAX_ADDRESSES: Final = 8
"""Addresses that are connected to."""

_NO_ROUTE: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Way:
    """The way to one server.

    Attributes:
        addresses: Its addresses, once they are known.
        open: The first of them that answers; None if none does.

    Args:
        server: The server.
        names: The DNS, which is asked why a name has no address.
    """

    def __init__(self, server: Server, names: Names) -> None:
        self.addresses: Sequence[AddressInfo] = ()
        self.open: AddressInfo | None = None
        self._server = server
        self._names = names
        host, _, port = server.proxy.rpartition(":")
        self._host = host.strip("[]") if server.proxy else server.host
        self._port = int(port) if port.isdigit() else server.port

    async def resolve(self) -> list[Diagnosis]:
        """Look up the addresses, as connectors do."""
        try:
            async with asyncio.timeout(LOOK_UP):
                found = await _look_up(self._host, self._port, self._server.local_address)
        except (OSError, UnicodeError):
            return [await self._explain()]
        allowed = [one for one in found if refused(ipaddress.ip_address(one[4][0])) is None]
        self.addresses = (found if self._server.proxy else allowed)[:MAX_ADDRESSES]
        if not self.addresses:
            return [self._found("dns.not-allowed", "error", *_NOT_ALLOWED)]
        if self._is_address():
            return []
        shown = [str(one[4][0]) for one in found]
        host = f"{self._host} ({_PROXY})" if self._server.proxy else self._host
        return [self._found("dns.ok", "ok", _("{host}: {addresses}", host=host, addresses=shown))]

    async def connect(self) -> list[Diagnosis]:
        """Connect to each address."""
        tried = await asyncio.gather(*(self._try(one) for one in self.addresses))
        works = [one for one in tried if one.error is None]
        if not works:
            return [self._no_connection(tried)]
        self.open = works[0].address
        return [one for each in tried if (one := self._judged(each)) is not None]

    async def _explain(self) -> Diagnosis:
        """Return why the hostname has no address."""
        if self._is_address():
            what = _("{host} is not reachable from this machine", host=self._host)
            return self._found("dns.failed", "error", what, _CHECK_NETWORK)
        try:
            known = await self._names.addresses(self._host)
        except NoAnswerError as error:
            why = _("no answer on {host}: {why}", host=self._host, why=error.why)
            if error.silent:
                return self._found("dns.unanswered", "error", why, _CHECK_DNS)
            return self._found("dns.failed", "error", why, _LAME)
        if known:
            what = _(
                "the DNS has {addresses}, but this machine does not use it", addresses=tuple(known)
            )
            return self._found("dns.system", "error", what, _CHECK_SYSTEM)
        guess = next(iter(get_close_matches(self._host, HOSTS, n=1, cutoff=0.8)), None)
        remedy = _("Set the hostname to {host}.", host=guess) if guess else _CHECK_SPELLING
        what = _("the DNS has no address of {host}", host=self._host)
        return self._found("dns.missing", "error", what, remedy)

    async def _try(self, address: AddressInfo) -> _Tried:
        started = time.monotonic()
        error: OSError | None = None
        try:
            (await connected(address, self._server.local_address, CONNECT)).close()
        except OSError as failure:
            error = failure
        return _Tried(address, error, time.monotonic() - started)

    def _judged(self, tried: _Tried) -> Diagnosis | None:
        """Return the finding on one address, while another works."""
        place = tried.place(self._port)
        if tried.error is None:
            return self._found("connect.ok", "ok", place, seconds=tried.seconds)
        what = _("{place}: {why}", place=place, why=_why(tried.error))
        if tried.error.errno in _NO_ROUTE:
            return self._found("connect.no-family", "skipped", what)
        # Many a server on the machine itself listens on one of the two addresses of `localhost`.
        if self._host == "localhost":
            return None
        return self._found("connect.address", "warning", what, _ONE_ADDRESS, seconds=tried.seconds)

    def _no_connection(self, tried: Sequence[_Tried]) -> Diagnosis:
        kinds = [_kind(one.error) for one in tried]
        # An address that cannot be routed to says less than one that was tried.
        kind = next((one for one in kinds if one != "connect.no-route"), "connect.no-route")
        what = "; ".join(f"{one.place(self._port)}: {_why(one.error)}" for one in tried)
        if len(tried) == 1:
            what = _("{place}: {why}", place=tried[0].place(self._port), why=_why(tried[0].error))
        remedy = _REMEDIES[kind]
        if self._port == 25 and kind == "connect.timeout":  # noqa: PLR2004 - the port in question
            remedy = _("Many networks block port 25: use port 587 or 465.")
        if self._server.proxy:
            remedy = _("Check the proxy in HTTPS_PROXY or ALL_PROXY.")
        return self._found(kind, "error", what, remedy, max(one.seconds for one in tried))

    def _is_address(self) -> bool:
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            return False
        return True

    def _found(
        self, name: str, result: Result, evidence: str, remedy: str = "", seconds: float = 0.0
    ) -> Diagnosis:
        subject = _("name resolution") if name.startswith("dns") else _("connection")
        return Diagnosis(
            id=name,
            subject=subject,
            result=result,
            evidence=evidence,
            remedy=remedy,
            seconds=seconds,
        )


@attrs.frozen
class _Tried:
    address: AddressInfo
    error: OSError | None
    seconds: float

    def place(self, port: int) -> str:
        host = str(self.address[4][0])
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _look_up(host: str, port: int, local_address: str | None) -> list[AddressInfo]:
    """Look up a host in a thread that nobody waits for: the system's patience is long.

    Raises:
        OSError: It has no address.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[AddressInfo]] = loop.create_future()
    family = socket.AF_UNSPEC
    if local_address is not None:
        family = socket.AF_INET6 if ":" in local_address else socket.AF_INET

    def settle(found: Any, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(error)

    def ask() -> None:
        found, failure = None, None
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failure = error
        try:
            loop.call_soon_threadsafe(settle, found, failure)
        except RuntimeError:
            # The loop has ended meanwhile.
            return

    threading.Thread(target=ask, daemon=True).start()
    return await answer


def _kind(error: OSError | None) -> str:
    if isinstance(error, TimeoutError) or (error and error.errno == errno.ETIMEDOUT):
        return "connect.timeout"
    if error and error.errno == errno.ECONNREFUSED:
        return "connect.refused"
    if error and error.errno in {errno.EACCES, errno.EPERM}:
        return "connect.denied"
    return "connect.no-route"


def _why(error: OSError | None) -> Phrase:
    kind = _kind(error)
    if kind == "connect.timeout":
        return _("no answer within {seconds:g} s", seconds=CONNECT)
    if kind == "connect.refused":
        return _("nothing listens on this port")
    reason = os.strerror(error.errno) if error and error.errno else type(error).__name__
    return _("not possible ({reason})", reason=reason)


_PROXY: Final = "proxy"
_NOT_ALLOWED: Final = (
    _("the name leads only to internal addresses, which this connector may not reach"),
    _("Use the public hostname of the server."),
)
_CHECK_NETWORK: Final = _("Check the network of this machine.")
_CHECK_SPELLING: Final = _("Check the spelling of the hostname in the settings.")
_CHECK_DNS: Final = _(
    "Check the network of this machine, and the name servers in /etc/resolv.conf."
)
_CHECK_SYSTEM: Final = _("Check /etc/hosts and /etc/nsswitch.conf on this machine.")
_LAME: Final = _("The DNS of this name is broken. Tell who runs the domain, or try again later.")
_ONE_ADDRESS: Final = _(
    "Emails go through the other address, after a delay. Tell who runs the server or the network."
)
_REMEDIES: Final = {
    "connect.timeout": _(
        "A firewall may block this port, or the address is wrong. Allow outgoing connections to it."
    ),
    "connect.refused": _("Check host and port in the settings, and that the server runs."),
    "connect.denied": _("A firewall of this machine forbids it. Allow outgoing connections to it."),
    "connect.no-route": _CHECK_NETWORK,
}
