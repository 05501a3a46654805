"""A Redis server of the tests' own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, exceptions
from redis.backoff import ConstantBackoff
from redis.retry import Retry

PASSWORD = "correct-horse"


class RedisProgram:
    """A redis-server on loopback, which writes each change to its disk before it replies.

    Attributes:
        port: Its port.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, and wait until it replies."""
        program = shutil.which("redis-server")
        assert program is not None
        options = f"--bind 127.0.0.1 --port {self.port} --requirepass {PASSWORD} --save ''"
        options += " --appendonly yes --appendfsync always --maxmemory-policy noeviction"
        options += f" --dir {self._folder}"
        command = [program, *(word.strip("'") for word in options.split())]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client().ping()

    def client(self) -> Redis:
        errors = (exceptions.ConnectionError, exceptions.ResponseError)
        retry = Retry(ConstantBackoff(0.05), 200, supported_errors=errors)
        return Redis.from_url(self.url, retry=retry, decode_responses=True)

    def kill(self) -> None:
        """End the server as a power failure of its process does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop the server; its connections stay open."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@pytest.fixture(scope="session")
def redis_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProgram]:
    if shutil.which("redis-server") is None:
        missing = "redis-server is not installed: apt-get install redis-server"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    program = RedisProgram(tmp_path_factory.mktemp("redis"))
    program.start()
    yield program
    program.kill()


@pytest.fixture
def server(redis_program: RedisProgram) -> Iterator[RedisProgram]:
    """The server, empty."""
    with redis_program.client() as client:
        client.flushall()
    yield redis_program
    # What a test that failed has left paused would hang those after it.
    redis_program.go_on()
