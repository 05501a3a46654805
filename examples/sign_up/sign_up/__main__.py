"""``python -m sign_up``: the application, its worker, its servers and an inbox, on loopback."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

import passpost_templates
from pytest_passpost import SmtpServer
from sign_up import servers

PYTHON: Final = sys.executable
PASSPOST: Final = (PYTHON, "-m", "passpost")
CELERY: Final = (PYTHON, "-m", "celery", "-A", "sign_up.with_celery", "worker", "-Q", "passpost")
CELERY_OPTIONS: Final = ("-P", "threads", "-c", "16", "--without-gossip", "--without-mingle")
KINDS: Final = ("redis", "postgres", "sqlite")


@attrs.frozen
class Parts:
    """What differs between the stores.

    Attributes:
        store: The store, for the settings file.
        worker: The command of the worker.
        environment: Variables of web and worker.
        shown: The parts, for people.
    """

    store: dict[str, str]
    worker: tuple[str, ...]
    environment: dict[str, str]
    shown: str


@contextmanager
def parts(kind: str, folder: Path) -> Iterator[Parts]:
    """Run the store and the broker."""
    with ExitStack() as stack:
        if kind == "redis":
            durable = ("--appendonly", "yes", "--appendfsync", "always")
            kept = (*durable, "--maxmemory-policy", "noeviction")
            store = stack.enter_context(servers.redis(folder, "store", *kept))
            broker = stack.enter_context(servers.redis(folder, "broker"))
            environment = {"SIGN_UP_ENGINE": "celery", "BROKER_URL": broker}
            yield Parts(
                {"use": "redis", "url": store},
                (*CELERY, *CELERY_OPTIONS),
                environment,
                "store: Redis; broker: another Redis; worker: Celery",
            )
        elif kind == "postgres":
            url = stack.enter_context(servers.postgres(folder))
            environment = {"SIGN_UP_ENGINE": "procrastinate", "DATABASE_URL": url}
            yield Parts(
                {"use": "postgres", "url": url},
                (PYTHON, "-m", "sign_up.with_procrastinate"),
                environment,
                "store and broker: PostgreSQL; worker: Procrastinate",
            )
        else:
            yield Parts(
                {"use": "sqlite", "path": "outbox.sqlite"},
                (*PASSPOST, "worker", str(folder / "passpost.json")),
                {},
                "store: SQLite; no broker; worker: passpost worker",
            )


def write_secrets(folder: Path) -> None:
    """Write keys, secret and pepper, where there are none."""
    keys = folder / "keys"
    if keys.exists():
        return
    keys.mkdir(mode=0o700)
    for path in (keys / "first.key", folder / "outbox.secret", folder / "pepper"):
        path.touch(0o600)
        path.write_text(secrets.token_hex(32), "ascii")
    (keys / "use").write_text("first", "ascii")


def write_settings(folder: Path, store: dict[str, str], port: int) -> None:
    """Write the settings file of passpost: an email server, the templates and the outbox."""
    smtp: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "ignoreTLS": True,
        "fromEmail": "Example <no-reply@example.com>",
    }
    document = {
        "connectors": {"primary": {"use": "smtp", "settings": smtp}},
        "templates": passpost_templates.templates("en", "zh-CN", usages=["Register"]),
        "outbox": {
            "store": store,
            "keys": {"folder": "keys"},
            "secret": "${file:outbox.secret}",
        },
    }
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (folder / "passpost.json").write_text(text, "utf-8")


def show(emails: SmtpServer, seen: int) -> int:
    """Print the emails that came, and return how many there are."""
    try:
        found = emails.wait_for(seen + 1, timeout=0.5)
    except TimeoutError:
        return seen
    for email in found[seen:]:
        text = "\n".join(f"  | {line}" for line in (email.text or "").splitlines())
        print(f"\nTo: {', '.join(email.recipients)}\n{text}", flush=True)  # noqa: T201 - the inbox of the example
    return len(found)


def serve(kind: str, folder: Path, port: int) -> None:
    """Run everything until a signal comes, or until a process ends."""
    write_secrets(folder)
    with ExitStack() as stack:
        emails = stack.enter_context(SmtpServer())
        made = stack.enter_context(parts(kind, folder))
        write_settings(folder, made.store, emails.port)
        own = {"SIGN_UP_STATE": str(folder), **made.environment}
        if kind == "postgres":
            command = (PYTHON, "-m", "sign_up.tables")
            log = folder / "tables.log"
            with servers.running("tables", command, log=log, environment=own) as tables:
                if tables.wait(servers.PATIENCE):
                    raise RuntimeError(f"the tables were not made; see {log}")
        worker = stack.enter_context(
            servers.running("worker", made.worker, log=folder / "worker.log", environment=own)
        )
        port = port or servers.free_port()
        where = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log")
        web = stack.enter_context(
            servers.running(
                "web",
                (PYTHON, "-m", "uvicorn", "--factory", "sign_up.web:make_app", *where),
                log=folder / "web.log",
                environment=own,
                ready=servers.listens(port),
            )
        )
        print(f"{made.shown}\nSign up: http://127.0.0.1:{port}/\nCtrl-C ends all.", flush=True)  # noqa: T201 - for the terminal
        seen = 0
        while True:
            seen = show(emails, seen)
            for name, process in (("worker", worker), ("web", web)):
                if process.poll() is not None:
                    raise RuntimeError(f"{name} has ended; see {folder / name}.log")


def default() -> str:
    """Return the store that this machine has a server for."""
    if servers.find_redis() is not None:
        return "redis"
    return "sqlite" if servers.find_postgres() is None else "postgres"


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(prog="sign_up", description=__doc__)
    parser.add_argument("--store", choices=KINDS, help="what is installed, by default")
    parser.add_argument("--port", type=int, default=8000, help="of the page; 0: any that is free")
    parser.add_argument("--folder", type=Path, help="keep what is stored there")
    given = parser.parse_args()
    # Keys, codes' hashes and addresses are for this user alone.
    os.umask(0o077)
    # Those of supervisors and of closed terminals, as Ctrl-C.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        folder = given.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sign-up-")))
        folder.mkdir(mode=0o700, exist_ok=True, parents=True)
        try:
            serve(given.store or default(), folder.resolve(), given.port)
        except KeyboardInterrupt:
            return 0
        except RuntimeError as error:
            print(f"sign_up: {error}", file=sys.stderr)  # noqa: T201 - of a program
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
