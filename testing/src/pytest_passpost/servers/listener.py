"""What all servers of this package share: a socket on loopback, and a thread with an event loop."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Final, Self

from pytest_passpost.servers.channel import Channel, readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

HOST: Final = "127.0.0.1"

_BACKLOG: Final = 512


class Listener(abc.ABC):
    """A server on 127.0.0.1 that runs while its ``with`` block does.

    Its port is known once the block is entered. Leaving the block closes every connection, ends the
    thread, and raises what went wrong inside: no defect of a stand-in stays unseen. A server runs
    once.

    Attributes:
        host: ``127.0.0.1``.
        port: The port that the system picked.
    """

    host: Final = HOST

    def __init__(self) -> None:
        self.port = 0
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._changed = threading.Condition(threading.RLock())
        self._open = 0
        self._accepted = 0
        self._ended = 0
        self._channels: list[Channel] = []
        self._forgotten = 0
        self._defects: list[Exception] = []

    @abc.abstractmethod
    async def _serve(self, channel: Channel, number: int) -> None:
        """Talk to one client until the conversation is over.

        Args:
            channel: The connection.
            number: Its number, counted from 0 in the order of accepting.
        """

    @property
    def connection_count(self) -> int:
        """How many connections were accepted so far."""
        with self._changed:
            return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._changed:
            return self._open

    @property
    def bytes_received(self) -> int:
        """Octets that came on all connections so far, those of TLS included."""
        with self._changed:
            return self._forgotten + sum(channel.bytes_received for channel in self._channels)

    def wait_closed(self, connections: int = 0, timeout: float = 5.0) -> None:
        """Wait until no connection is open, so that all that was said has been recorded.

        Args:
            connections: How many connections must have been accepted; one that was opened and
                closed at once may not have been noticed yet.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: A connection is still open, or fewer came.
        """
        self._wait_until(
            lambda: self._open == 0 and self._accepted >= connections,
            timeout,
            lambda: f"all connections to be closed: {self._open} of {self._accepted} are open",
        )

    def wait_ended(self, connections: int = 1, timeout: float = 5.0) -> None:
        """Wait until the server has ended so many connections of its own accord, by FIN or RST.

        Args:
            connections: How many.
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: It has ended fewer.
        """
        self._wait_until(
            lambda: self._ended >= connections,
            timeout,
            lambda: f"the end of {counted(connections, 'connection')}: {self._ended} ended",
        )

    def __enter__(self) -> Self:
        if self._socket is not None:
            raise RuntimeError(f"a {type(self).__name__} runs once; make another")
        self._socket = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        self.port = self._socket.getsockname()[1]
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(started,),
            name=f"{type(self).__name__}:{self.port}",
            daemon=True,
        )
        self._thread.start()
        started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if kind is None and self._defects:
            raise self._defects[0]

    def _stop(self) -> None:
        if self._loop is None or self._stopping is None or self._thread is None:
            raise AssertionError("left without having been entered")
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                runner.run(self._main(started))
        finally:
            started.set()  # or nobody would learn that the loop could not start

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        # The loop of some systems knows no add_reader(), which `Channel` requires.
        return asyncio.SelectorEventLoop()

    async def _main(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        started.set()
        accepting = self._loop.create_task(self._accept())
        await self._stopping.wait()
        accepting.cancel()
        try:
            await accepting
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - raised again when the server's block is left
            self._defects.append(error)

    async def _accept(self) -> None:
        listening = self._socket
        if listening is None:
            raise AssertionError("entered without a socket")
        with listening:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await readable(listening)
                    for sock in _accepted(listening):
                        self._count(opened=1, accepted=1)
                        tasks.create_task(self._look_after(sock, self._accepted - 1))

    async def _look_after(self, sock: socket.socket, number: int) -> None:
        channel = Channel(sock, lambda: self._count(ended=1))
        with self._changed:
            self._channels.append(channel)
        try:
            await self._serve(channel, number)
        except OSError:
            pass  # the client went away, or TLS failed: both are what tests are about
        except Exception as error:  # noqa: BLE001 - raised again when the server's block is left
            self._defects.append(error)
        finally:
            channel.drop()
            self._count(opened=-1)

    def _forget_closed(self) -> None:
        """Forget the connections that are closed, but for the octets that came on them."""
        with self._changed:
            closed = [channel for channel in self._channels if channel.is_closed]
            self._forgotten += sum(channel.bytes_received for channel in closed)
            self._channels = [channel for channel in self._channels if not channel.is_closed]

    def _count(self, *, opened: int = 0, accepted: int = 0, ended: int = 0) -> None:
        with self._changed:
            self._ended += ended
            self._open += opened
            self._accepted += accepted
            self._changed.notify_all()

    def _wait_until(
        self, come: Callable[[], bool], timeout: float, what: Callable[[], str]
    ) -> None:
        with self._changed:
            if not self._changed.wait_for(come, timeout):
                raise TimeoutError(f"waited {timeout:g} s for {what()}")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 email``, ``2 emails``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _accepted(listening: socket.socket) -> Iterator[socket.socket]:
    """Return every connection that waits to be accepted."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while True:
            sock, _ = listening.accept()
            sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            yield sock
