"""The servers of a fleet: stores, brokers, and the sink to which all emails go."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from brokers import Broker, RabbitMq, Redis, require
from postgres_program import PostgresProgram

from passpost_redis.testing import RedisProgram

_NUMBERS = count()

Opening: TypeAlias = tuple[str, str, Mapping[str, Any]]


class StoreServer(Protocol):
    """The server of a store, with an outbox of one row's own.

    Attributes:
        folder: Where it writes to.
        opening: Its kind, its URL and its options, for `member.open_store`.
    """

    folder: Path
    opening: Opening

    def kill(self) -> None: ...

    def start(self) -> None: ...

    def pause(self) -> None: ...

    def go_on(self) -> None: ...


class SqliteServer:
    """A file. Who has locked it is what a server that does not reply is elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opening: Opening = ("sqlite", str(folder / "outbox.sqlite"), {})
        self._lock: sqlite3.Connection | None = None

    def kill(self) -> None: ...

    def start(self) -> None: ...

    def pause(self) -> None:
        self._lock = sqlite3.connect(self.opening[1], timeout=60, check_same_thread=False)
        self._lock.execute("BEGIN EXCLUSIVE")

    def go_on(self) -> None:
        assert self._lock is not None
        self._lock.rollback()
        self._lock.close()


class RedisServer:
    def __init__(self, program: RedisProgram, durability: str) -> None:
        self.program = program
        self.folder = program.folder
        prefix = f"fleet-{next(_NUMBERS)}:"
        self.opening: Opening = ("redis", program.url, {"prefix": prefix, "durability": durability})
        self.kill, self.start = program.kill, program.start
        self.pause, self.go_on = program.pause, program.go_on


class PostgresServer:
    def __init__(self, program: PostgresProgram) -> None:
        name = f"fleet_{next(_NUMBERS)}"
        program.execute(f"CREATE DATABASE {name}")
        self.folder = program.folder
        url = program.url.removesuffix("/postgres") + f"/{name}"
        self.opening: Opening = ("postgres", url, {})
        self.kill, self.start = program.kill, program.start
        self.pause, self.go_on = program.pause, program.go_on


class Machines:
    """Starts each server when a row needs it, for all rows after it as well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Any] = {}
        self._stack = ExitStack()

    def close(self) -> None:
        self._stack.close()

    def store(self, kind: str, folder: Path) -> StoreServer:
        """Return an empty store."""
        if kind == "sqlite":
            return SqliteServer(folder)
        if kind == "postgres":
            return PostgresServer(self._postgres())
        return RedisServer(self._redis(kind), "always" if kind == "redis" else "everysec")

    def broker(self, engine: str) -> Broker:
        """Return the broker of a kind of Celery workers."""
        if engine not in self._running:
            package = f"{engine.removeprefix('celery+')}-server"
            require(package, package)
            folder = self._new_folder(engine)
            broker = RabbitMq(folder) if engine == "celery+rabbitmq" else Redis(folder)
            self._stack.callback(broker.close if isinstance(broker, RabbitMq) else broker.kill)
            broker.start()
            self._running[engine] = broker
        running: Broker = self._running[engine]
        return running

    def _redis(self, kind: str) -> RedisProgram:
        if kind not in self._running:
            fsync = "always" if kind == "redis" else "everysec"
            program = RedisProgram(self._new_folder(kind), fsync=fsync)
            self._stack.callback(program.kill)
            program.start()
            self._running[kind] = program
        running: RedisProgram = self._running[kind]
        return running

    def _postgres(self) -> PostgresProgram:
        if "postgres" not in self._running:
            self._running["postgres"] = self._stack.enter_context(PostgresProgram())
        running: PostgresProgram = self._running["postgres"]
        return running

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder


class Sink:
    """An SMTP server that accepts every email.

    Args:
        path: Where it notes them.
        pause: Seconds that it takes for each.
    """

    def __init__(self, path: Path, pause: float) -> None:
        self._path = path
        script = str(Path(__file__).with_name("sink.py"))
        self._process = subprocess.Popen(
            [sys.executable, script, str(path), str(pause)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def arrived(self) -> int:
        """Return how many emails it was sent."""
        return self._path.read_bytes().count(b"\n")

    def copies(self) -> Iterator[tuple[float, str, str]]:
        """Yield the time, the recipient and the Message-ID of each."""
        for line in self._path.read_text().splitlines():
            time, recipient, message_id = line.split(" ")
            yield float(time), recipient, message_id

    def close(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()


@contextmanager
def running(sink: Sink) -> Iterator[Sink]:
    try:
        yield sink
    finally:
        sink.close()
