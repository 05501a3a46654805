"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

import psycopg
import pytest

PASSWORD: Final = "correct-horse"
_PATIENCE: Final = 240.0
_PAUSE: Final = 0.05


class PostgresProgram:
    """A PostgreSQL on loopback, in a folder of its own.

    Attributes:
        port: Its port.
        folder: Where its data are.
    """

    def __init__(self, **settings: Any) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            missing = "PostgreSQL is not installed: apt-get install postgresql"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
        self._programs = found[-1].parent
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        # It does not run as root, and the folders of pytest are closed to others.
        self._user = "postgres" if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="passpost-postgres-"))
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "logging_collector": "off",
            "timezone": "UTC",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def url_of(self, schema: str) -> str:
        """Return the URL whose search path is one schema."""
        return f"{self.url}?options={quote(f'-csearch_path={schema}')}"

    def start(self) -> None:
        """Start the server, and wait until it replies."""
        if not (self.folder / "data").exists():
            self._initialize()
        words = [f"-c{name}={value}" for name, value in self._settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *words],
                stdout=log, stderr=log, user=self._user, group=self._user, cwd=self.folder,
                extra_groups=[] if self._user else None,
            )  # fmt: skip
        over = time.monotonic() + _PATIENCE
        while True:
            try:
                self.client().close()
            except psycopg.OperationalError:
                assert time.monotonic() < over, self.log()
                assert self._process.poll() is None, self.log()
                # Its recovery writes all files, and takes long on a machine that is busy.
                time.sleep(_PAUSE)
            else:
                return

    def client(self) -> psycopg.Connection[Any]:
        """Return a new connection of the tests' own, without a transaction."""
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, sql: str) -> list[Any]:
        with self.client() as client:
            cursor = client.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def kill(self) -> None:
        """End all processes of the server as a failure of its machine does."""
        assert self._process is not None
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        (self.folder / "data/postmaster.pid").unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """Return the server's processes, the postmaster first."""
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        return [parent, *map(int, children)]

    def pause(self) -> None:
        """Stop all processes of the server; its connections stay open."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in reversed(self.pids()):
            os.kill(pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def _initialize(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            user = pwd.getpwnam(self._user)
            for path in (self.folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        words = ["--no-sync", "--no-instructions", "-U", "postgres", "-A", "scram-sha-256"]
        subprocess.run(
            [self._programs / "initdb", "-D", self.folder / "data", *words, f"--pwfile={password}"],
            check=True, stdout=subprocess.DEVNULL, user=self._user, group=self._user,
            extra_groups=[] if self._user else None, cwd=self.folder,
        )  # fmt: skip
