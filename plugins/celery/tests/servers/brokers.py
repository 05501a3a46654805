"""Brokers of the tests' own on loopback, and a proxy that goes silent between them and a client."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import kombu
import pytest

RABBITMQ: Final = "/usr/lib/rabbitmq/bin/rabbitmq-server"
ERLANG: Final = "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
PATIENCE: Final = 120.0


class Broker(Protocol):
    """What tests do with a broker.

    Attributes:
        port: Its port.
        folder: Where it writes.
    """

    port: int
    folder: Path

    def url(self, port: int | None = None) -> str:
        """Return its URL, or that of a proxy before it."""
        ...

    def start(self) -> None:
        """Start it, and wait until it replies."""
        ...

    def kill(self) -> None:
        """End it as a power failure of its process does."""
        ...

    def forget(self) -> None:
        """Delete what it has on its disk, while it does not run."""
        ...


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(url: str) -> None:
    with kombu.Connection(url, connect_timeout=5) as connection:
        # Some seconds pass until RabbitMQ opens its port, and others until it knows its users.
        connection.ensure_connection(
            max_retries=1000, interval_start=0.1, interval_step=0, timeout=PATIENCE
        )


class Redis:
    """A redis-server that writes each change to its disk before it replies."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, port: int | None = None) -> str:
        return f"redis://127.0.0.1:{port or self.port}/0"

    def start(self) -> None:
        command = [
            which("redis-server"),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--save",
            "",
        ]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self.url())

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        shutil.rmtree(self.folder / "appendonlydir")


class RabbitMq:
    """A RabbitMQ node with a port mapper, a cookie and a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._mapper_port = free_port()
        self._mapper: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # The same after a restart, because its database names the node.
        self._distribution_port = free_port()

    def url(self, port: int | None = None) -> str:
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}//"

    def start(self) -> None:
        mapper = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(self._mapper_port)}
        if self._mapper is None:
            self._mapper = subprocess.Popen([which("epmd")], env={**os.environ, **mapper})
        environ = {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"passpost-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        }
        self._process = subprocess.Popen(
            [RABBITMQ],
            env={**os.environ, **mapper, **environ},
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            # The script starts Erlang as its child.
            start_new_session=True,
        )
        wait_for(self.url())

    def kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait()

    def forget(self) -> None:
        shutil.rmtree(self.folder / "mnesia")

    def close(self) -> None:
        self.kill()
        assert self._mapper is not None
        self._mapper.kill()
        self._mapper.wait()


def which(program: str) -> str:
    path = shutil.which(program)
    assert path is not None
    return path


def require(program: str, package: str) -> None:
    if shutil.which(program) is None:
        missing = f"{program} is not installed: apt-get install {package}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)


class SilentProxy:
    """A proxy that passes everything on, until it holds octets back, or ends connections.

    Args:
        target: The port to which it connects.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        # From a client to the target, and back.
        self._open = (threading.Event(), threading.Event())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._reachable = True
        self.port: int = self._listener.getsockname()[1]
        self.go_on()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_silent(self, *, there: bool = True, back: bool = True) -> None:
        """Hold octets back, and close nothing.

        Args:
            there: Whether those of clients are held.
            back: Whether those of the target are.
        """
        for way, held in zip(self._open, (there, back), strict=True):
            if held:
                way.clear()

    def cut(self) -> None:
        """End all connections, and each new one."""
        self._reachable = False
        self.drop()

    def go_on(self) -> None:
        self._reachable = True
        for way in self._open:
            way.set()

    def drop(self) -> None:
        """Close all connections, as a broker that restarts does."""
        while self._sockets:
            _end(self._sockets.pop())

    def close(self) -> None:
        _end(self._listener)
        self.drop()
        self.go_on()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            target = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        self._sockets += [client, target]
        if not self._reachable:
            self.drop()
        ends = ((client, target), (target, client))
        for pair, way in zip(ends, self._open, strict=True):
            threading.Thread(target=_pass_on, args=(*pair, way), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, way: threading.Event) -> None:
    with suppress(OSError):
        while octets := source.recv(65536):
            way.wait()
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
