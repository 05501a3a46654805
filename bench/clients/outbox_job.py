"""One way to bring emails to a worker: what the processes of ``bench_outbox.py`` share.

The job is JSON in the environment, because Celery's own program leaves no argument to its
applications. Each email is recognized by the local part of its recipient.
"""

from __future__ import annotations

import contextlib
import json
import os
import smtplib
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import Any, Final, NamedTuple

import django
from django.conf import settings as django_settings
from django.core.mail import send_mail

import passpost
from passpost_outbox import AsyncOutbox, Engine, Keys, OutboxStore, SqliteStore, Worker
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.redis import RedisStore
from passpost_procrastinate import ProcrastinateEngine

VARIABLE: Final = "PASSPOST_BENCH_OUTBOX"
AT_ONCE: Final = 20
"""Emails that a worker has under way at a time, in all ways."""

CONNECTIONS: Final = 10
"""Connections that passpost keeps to the mail server."""

SENDER: Final = "no-reply@example.com"
KEYS: Final = Keys({"2026-11": b"k" * 32}, use="2026-11")
SECRET: Final = b"s" * 16


class Job(NamedTuple):
    """A way, and where everything is.

    Attributes:
        sends: What sends: ``passpost``, ``smtplib`` or ``django``.
        store: The outbox's store: ``sqlite``, ``redis``, ``postgres``; empty for a plain task.
        engine: ``celery``, ``procrastinate``, or empty for the built-in worker.
        store_url: The store's URL, or the path of its file.
        broker_url: The broker's URL.
        queue: The name of the queue.
        port: The mail server's.
        content: The text, with ``{{code}}`` where the code belongs.
    """

    sends: str
    store: str
    engine: str
    store_url: str
    broker_url: str
    queue: str
    port: int
    content: str

    def environ(self) -> dict[str, str]:
        """Return the environment that `read_job` reads."""
        # Celery warns of a worker that runs as root.
        quiet = {"PYTHONWARNINGS": "ignore"}
        return {**os.environ, **quiet, VARIABLE: json.dumps(self._asdict())}


def read_job() -> Job:
    """Return the job of the environment."""
    return Job(**json.loads(os.environ[VARIABLE]))


def address(number: int) -> str:
    """Return the recipient of an email."""
    return f"n{number}@example.org"


def code(number: int) -> str:
    """Return the code of an email."""
    return f"{number % 1_000_000:06d}"


def message(number: int) -> passpost.Message:
    """Return an email as an application hands it over."""
    return passpost.Message(address(number), "SignIn", {"code": code(number)}, locale="en")


def open_store(job: Job) -> OutboxStore:
    """Return the store. All promise that what they have replied is on disk."""
    if job.store == "redis":
        return RedisStore(job.store_url, timeout=20)
    if job.store == "postgres":
        return PostgresStore(job.store_url, timeout=20)
    return SqliteStore(job.store_url)


def open_outbox(job: Job, engine: Engine | None) -> AsyncOutbox:
    """Return the outbox of a web process."""
    return AsyncOutbox(open_store(job), KEYS, secret=SECRET, engine=engine)


@contextlib.asynccontextmanager
async def open_worker(job: Job, engine: Engine | None) -> AsyncIterator[Worker]:
    """Return a worker of passpost that sends to the sink."""
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": job.port,
        "fromEmail": SENDER,
        "ignoreTLS": True,
        "auth": {},
        "pool": {"maxConnections": CONNECTIONS},
        "templates": [
            {
                "usageType": "SignIn",
                "contentType": "text/plain",
                "subject": "Your code is {{code}}",
                "content": job.content,
            }
        ],
    }
    connector = passpost.Host().configure("smtp", settings)
    options: dict[str, Any] = {} if engine is None else {"engine": engine, "poll": None}
    async with passpost.AsyncMailer(connector) as mailer:
        store = open_store(job)
        yield Worker(store, KEYS, mailer, concurrency=AT_ONCE, **options)
        await store.aclose()


def open_engine(job: Job) -> Engine | None:
    """Return the engine, without a worker."""
    if job.engine == "procrastinate":
        return ProcrastinateEngine(job.broker_url, queue=job.queue)
    if job.engine == "celery":
        # It is made for the job that it reads.
        from outbox_celery import engine  # noqa: PLC0415

        return engine
    return None


def plain(job: Job) -> Callable[[int], None]:
    """Return what sends one email in a plain task: with a connection of its own, as most do."""
    subject = "Your code is {}"
    if job.sends == "smtplib":

        def send(number: int) -> None:
            mail = EmailMessage(policy=SMTP)
            mail["From"] = SENDER
            mail["To"] = address(number)
            mail["Subject"] = subject.format(code(number))
            mail["Date"] = formatdate()
            mail["Message-ID"] = make_msgid(domain="example.com")
            mail.set_content(job.content.replace("{{code}}", code(number)))
            with smtplib.SMTP("127.0.0.1", job.port) as client:
                client.send_message(mail)

        return send
    django_settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=job.port)
    django.setup()

    def send_by_django(number: int) -> None:
        text = job.content.replace("{{code}}", code(number))
        assert send_mail(subject.format(code(number)), text, SENDER, [address(number)]) == 1

    return send_by_django
