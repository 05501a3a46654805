"""Celery as the engine: ``celery -A sign_up.with_celery worker -Q passpost``."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager

from celery import Celery

import passpost_celery
from passpost_outbox import Worker
from sign_up.settings import FILE

app = Celery("sign_up", broker=os.environ["BROKER_URL"])


def make_worker(engine: passpost_celery.CeleryEngine) -> AbstractAsyncContextManager[Worker]:
    """Return what sends emails in a process of Celery."""
    return Worker.from_file(FILE, engine=engine, poll=None)


engine = passpost_celery.setup(app, make_worker)
