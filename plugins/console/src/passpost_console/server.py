"""Runs a console of its own with uvicorn, on this machine unless told otherwise."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import uvicorn

from passpost_console.gate import Gate
from passpost_console.security import LOOPBACK, Hosts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from passpost_console.app import Site

_MOST_CONNECTIONS: Final = 64
_KEEP_ALIVE: Final = 5
_MOST_HEADERS: Final = 32 << 10
_LAST_WORDS: Final = 3


def is_loopback(address: str) -> bool:
    """Return whether an address to listen at can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 picks a free one.

    Raises:
        OSError: The address or the port cannot be used.
    """
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_MOST_CONNECTIONS)
    except OSError:
        listening.close()
        raise
    return listening


class Launched:
    """A site of its own: who may enter, and under which names it answers.

    Args:
        make: Makes the site, given who may enter and the names under which it answers.
        listening: The socket at which it answers.
        secret: The secret to enter with, besides the launch link.
        names: Hostnames under which it answers, besides those of this machine.
    """

    def __init__(
        self,
        make: Callable[[Gate, Hosts], Site],
        listening: socket.socket,
        *,
        secret: str | None = None,
        names: Iterable[str] = (),
    ) -> None:
        address, self._port = listening.getsockname()[:2]
        self._address = f"[{address}]" if ":" in address else address
        self._gate = Gate(self._port, secret)
        self._listening = listening
        self._server: _Server | None = None
        # No foreign name can be bound to an address that is in the request itself.
        hosts = Hosts(
            (*(f"{name}:{self._port}" for name in LOOPBACK), *names),
            addresses=not is_loopback(address),
        )
        self.site = make(self._gate, hosts)

    @property
    def origin(self) -> str:
        """The URL at which this machine reaches it."""
        wild = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - what to show in its place
        return f"http://{wild.get(self._address, self._address)}:{self._port}"

    @property
    def link(self) -> str:
        """The link that lets one browser in, once."""
        return f"{self.origin}/enter?token={self._gate.token}"

    def serve(self, ready: Callable[[], None]) -> None:
        """Answer requests until the process is told to end.

        Args:
            ready: Called as soon as requests are answered.
        """
        self._server = _Server(ready, _config(self.site))
        self._server.run(sockets=[self._listening])

    def stop(self) -> None:
        """End `serve`, which runs in another thread."""
        if self._server is not None:
            self._server.should_exit = True


def _config(site: Site) -> uvicorn.Config:
    # No access log: it would contain the launch token.
    return uvicorn.Config(
        site,
        access_log=False,
        log_level=logging.WARNING,
        http="h11",
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_LAST_WORDS,
        h11_max_incomplete_event_size=_MOST_HEADERS,
    )


class _Server(uvicorn.Server):
    def __init__(self, ready: Callable[[], None], config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()
