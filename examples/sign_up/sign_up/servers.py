"""The servers that the example starts for itself, on loopback and in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE: Final = 60.0
"""Seconds that a program has to start, or to end what is under way."""


def find_redis() -> str | None:
    """Return the program of Redis, if it is installed."""
    return shutil.which("redis-server")


def find_postgres() -> Path | None:
    """Return the folder with the programs of PostgreSQL, if it is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def listens(port: int) -> Callable[[], bool]:
    """Return what tells whether someone listens on a port."""

    def listens_now() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    return listens_now


@contextmanager
def running(  # noqa: PLR0913 - what programs differ in
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    ready: Callable[[], bool] = lambda: True,
    stop: signal.Signals = signal.SIGTERM,
    user: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the context ends, and wait until it is ready.

    Args:
        name: Its name, for people.
        command: How to start it.
        log: What it says.
        environment: Variables besides those of this process.
        ready: Whether it is ready.
        stop: The signal that ends it.
        user: The user that it runs as; that of this process by default.

    Raises:
        RuntimeError: It ended, or was not ready in time.
    """
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            # Ctrl-C in a terminal reaches this process alone, which ends the others in order.
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    try:
        over = time.monotonic() + PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > over:
                raise RuntimeError(f"{name} did not start; see {log}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def redis(folder: Path, name: str, *options: str) -> Iterator[str]:
    """Run a Redis server, and give its URL."""
    program, port = find_redis(), free_port()
    if program is None:
        raise RuntimeError("redis-server is not installed: apt-get install redis-server")
    own = folder / name
    own.mkdir(mode=0o700, exist_ok=True)
    where = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(own), "--save", "")
    ready = listens(port)
    with running(name, [program, *where, *options], log=folder / f"{name}.log", ready=ready):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server, and give its URL."""
    programs, port = find_postgres(), free_port()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    # It does not run as root.
    user = "postgres" if os.getuid() == 0 else None
    data, log = folder / "postgres", folder / "postgres.log"
    data.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(data, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        # It passes through the folder, and reads nothing in it.
        folder.chmod(0o711)
    if not (data / "PG_VERSION").exists():
        # Only who can connect to a port of this machine gets in; a server of yours has passwords.
        words = ["--no-instructions", "-U", "postgres", "-A", "trust", "-D", str(data)]
        with log.open("ab") as said:
            subprocess.run(
                [programs / "initdb", *words], check=True, stdout=said, stderr=said, cwd="/",
                user=user, group=user, extra_groups=None if user is None else [],
            )  # fmt: skip
    settings = ("-clisten_addresses=127.0.0.1", f"-cport={port}", "-cunix_socket_directories=")
    answers = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    with running(
        "PostgreSQL",
        [programs / "postgres", "-D", data, *settings],
        log=log,
        ready=lambda: subprocess.run(answers, check=False).returncode == 0,
        # SIGTERM would wait for clients that stay connected.
        stop=signal.SIGINT,
        user=user,
    ):
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
