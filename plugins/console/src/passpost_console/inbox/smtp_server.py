"""Runs the SMTP server in a thread of its own, so that no page has to wait for it."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Self

from passpost_console.inbox.smtp import Deliver, Session

if TYPE_CHECKING:
    from types import TracebackType

    from passpost_console.inbox.faults import Faults


class SmtpServer:
    """An SMTP server that runs while its ``with`` block does.

    Args:
        listening: The socket at which it answers; it is closed in the end.
        deliver: Keeps an email.
        faults: What goes wrong.
    """

    def __init__(self, listening: socket.socket, deliver: Deliver, faults: Faults) -> None:
        self._listening = listening
        self._deliver = deliver
        self._faults = faults
        self._sessions: set[Session] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="passpost-inbox-smtp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_server(self._session, sock=self._listening)
        self._started.set()
        await self._stopping.wait()
        server.close()
        for session in tuple(self._sessions):
            session.end()
        # Their transports end in the next turn of the loop.
        await asyncio.sleep(0)

    def _session(self) -> Session:
        return Session(self._deliver, self._faults, self._sessions)
