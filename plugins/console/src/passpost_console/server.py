"""Runs a console of its own with uvicorn, on this machine unless told otherwise."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import uvicorn

from passpost_console.addresses import bracketed, is_loopback, reachable
from passpost_console.gate import Gate
from passpost_console.patience import Patience
from passpost_console.security import LOOPBACK, Hosts

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from passpost_console.app import Site
    from passpost_console.pace import Clock

_MOST_CONNECTIONS: Final = 64
_KEEP_ALIVE: Final = 5
_MOST_HEADERS: Final = 32 << 10
_LAST_WORDS: Final = 3


class Launched:
    """A site of its own: who may enter, and under which names it answers.

    Args:
        make: Makes the site, given who may enter and the names under which it answers.
        listening: The socket at which it answers.
        secret: The secret to enter with, besides the launch link.
        names: Hostnames under which it answers, besides those of this machine.
        clock: Returns the time in seconds, for all limits.
    """

    def __init__(
        self,
        make: Callable[[Gate, Hosts], Site],
        listening: socket.socket,
        *,
        secret: str | None = None,
        names: Iterable[str] = (),
        clock: Clock = time.monotonic,
    ) -> None:
        address, self._port = listening.getsockname()[:2]
        self._address = bracketed(reachable(address))
        self._gate = Gate(self._port, secret, clock)
        self._patience = Patience(clock)
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
        return f"http://{self._address}:{self._port}"

    @property
    def link(self) -> str:
        """The link that lets one browser in, once."""
        return f"{self.origin}/enter?token={self._gate.token}"

    def serve(self, ready: Callable[[], None]) -> None:
        """Answer requests until the process is told to end.

        Args:
            ready: Called as soon as requests are answered.
        """
        self._server = _Server(ready, _config(self.site), self._patience)
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
    def __init__(
        self, ready: Callable[[], None], config: uvicorn.Config, patience: Patience
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._patience = patience

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        self._patience.look(self.server_state.connections)
        return await super().on_tick(counter)
