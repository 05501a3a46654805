"""A Redis server for tests, on loopback and in a folder of its own, and fixtures of it.

It requires ``redis-server``, and pytest, by which a test that has none is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis, exceptions
from redis.backoff import ConstantBackoff
from redis.retry import Retry

__all__ = ["RedisProgram", "redis_program", "server"]

PASSWORD: Final = "correct-horse"  # noqa: S105 - of a server that a test starts and ends
_PAUSE: Final = 0.05
_TRIES: Final = 200


class RedisProgram:
    """A redis-server, which writes each change to its disk before it replies.

    Args:
        folder: Where it writes to.
        fsync: Its ``appendfsync``.
        program: The program; that of the path by default.

    Attributes:
        port: Its port.
        folder: Where it writes to.
    """

    def __init__(self, folder: Path, *, fsync: str = "always", program: str | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self._fsync = fsync
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its URL, with the password."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, and wait until it has loaded what it wrote before."""
        program = self._program or shutil.which("redis-server")
        if program is None:
            missing = "redis-server is not installed: apt-get install redis-server"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
        options = (
            f"--bind 127.0.0.1 --port {self.port} --requirepass {PASSWORD} --dir {self.folder}"
        )
        options += f" --appendonly yes --appendfsync {self._fsync} --aof-timestamp-enabled yes"
        options += " --maxmemory-policy noeviction"
        command = [program, *options.split(), "--save", ""]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client().ping()

    def client(self) -> Redis:
        """Return a client that waits until the server replies."""
        errors = (exceptions.ConnectionError, exceptions.ResponseError)
        retry = Retry(ConstantBackoff(_PAUSE), _TRIES, supported_errors=errors)
        return Redis.from_url(self.url, retry=retry, decode_responses=True)

    def kill(self) -> None:
        """End the server by kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def lose_last_second(self) -> None:
        """Take away what the killed server wrote in its last second, as a power failure does."""
        (log,) = self.folder.glob("appendonlydir/*.incr.aof")
        times = [line[4:] for line in log.read_bytes().split(b"\r\n") if line[:4] == b"#TS:"]
        check = shutil.which("redis-check-aof") or "redis-check-aof"
        if self._program:
            check = str(Path(self._program).with_name("redis-check-aof"))
        (manifest,) = self.folder.glob("appendonlydir/*.manifest")
        command = [check, "--truncate-to-timestamp", str(int(times[-1]) - 1), str(manifest)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def pause(self) -> None:
        """Stop the server; its connections stay open."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue after `pause`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def redis_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProgram]:
    """Return the one server of all tests."""
    program = RedisProgram(tmp_path_factory.mktemp("redis"))
    program.start()
    yield program
    program.kill()


@pytest.fixture
def server(redis_program: RedisProgram) -> Iterator[RedisProgram]:
    """Return the server, empty."""
    with redis_program.client() as client:
        client.flushall()
    yield redis_program
    # What a test that failed has left paused would hang those after it.
    redis_program.go_on()
