"""A shop with a broker, a mail server, an outbox and Celery workers as processes of their own."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from passpost import Message
from passpost_outbox import Outbox, SqliteStore, Status
from pytest_passpost import SmtpServer

from .shop import KEYS, shop

sys.path.insert(0, str(Path(__file__).parent / "servers"))

from brokers import Broker, RabbitMq, Redis, require

PATIENCE = 60.0
BROKERS = ("redis", "rabbitmq")


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    require("redis-server", "redis-server")
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    require("rabbitmq-server", "rabbitmq-server")
    server = RabbitMq(tmp_path_factory.mktemp("rabbitmq"))
    try:
        server.start()
        yield server
    finally:
        server.close()


class Shop:
    """One queue, one outbox and one mail server.

    Attributes:
        broker: The broker.
        folder: The folder of everything but the broker.
        server: The mail server.
    """

    def __init__(self, broker: Broker, folder: Path, server: SmtpServer) -> None:
        self.broker = broker
        self.folder = folder
        self.server = server
        self.store = SqliteStore(folder / "outbox.sqlite")
        self.log = folder / "log"
        self.task: dict[str, Any] = {
            "broker": broker.url(),
            "folder": str(folder),
            "queue": f"passpost-{folder.name}",
            # Short, so that no test waits for long.
            "worker": {"sweep_every": 0.5, "republish": 1.0, "lease": 2.0},
        }
        settings = {
            "host": "127.0.0.1", "port": server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        templates = [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}]
        document = {
            "connectors": {"primary": {"use": "smtp", "settings": settings}},
            "templates": templates,
            "delivery": {"attempts": 1},
        }
        (folder / "passpost.jsonc").write_text(json.dumps(document), "utf-8")

    @contextmanager
    def outbox(self, **options: Any) -> Iterator[Outbox]:
        """Yield the outbox of a web process, which publishes."""
        _app, engine = shop(self.task)
        options = {"republish": 1.0, **options}
        with Outbox(self.store, KEYS, secret=b"s" * 16, engine=engine, **options) as outbox:
            yield outbox

    @contextmanager
    def worker(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a Celery worker; show what it said where a test has failed."""
        tests = str(Path(__file__).parent)
        path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
        environ = {**os.environ, "PYTHONPATH": path, "PASSPOST_SHOP": json.dumps(self.task)}
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-l", "DEBUG"]
        command += ["-Q", self.task["queue"], "--without-gossip", "--without-mingle", *options]
        with self.log.open("a") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environ, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield process
        except BaseException:
            sys.stdout.write(self.log.read_text()[-20_000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                # The children of a worker that was killed.
                with_group(process)
                process.wait()

    def sent(self) -> Counter[str]:
        """Return how often each recipient got an email."""
        return Counter(mail.recipients[0] for mail in self.server.mails)


def with_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def redis_shop(redis: Redis, tmp_path: Path) -> Iterator[Shop]:
    with SmtpServer() as server:
        yield Shop(redis, tmp_path, server)


@pytest.fixture(params=BROKERS)
def each_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with SmtpServer() as server:
        yield Shop(request.getfixturevalue(request.param), tmp_path, server)


def message(name: str, **rest: Any) -> Message:
    return Message(f"{name}@example.com", "SignIn", {"code": f"canary-{name}"}, **rest)


def states(outbox: Outbox, ids: list[str]) -> list[str]:
    """Return the state of each email, once it is final."""
    found: list[Status | None] = [outbox.wait(id_, PATIENCE) for id_ in ids]
    return ["missing" if one is None else one.state for one in found]


@pytest.fixture(autouse=True)
def root_level() -> Iterator[None]:
    """Restore the level of the root logger, which a worker in this process raises."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
