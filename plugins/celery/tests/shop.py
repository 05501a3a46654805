"""A shop's Celery application; ``celery -A shop`` reads what it is given in the environment."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from celery import Celery

import passpost
import passpost_celery
from passpost_outbox import Keys, SqliteStore, Worker

KEYS = Keys({"2026-11": b"k" * 32}, use="2026-11")


def shop(task: Mapping[str, Any]) -> tuple[Celery, passpost_celery.CeleryEngine]:
    app = Celery("shop", broker=task["broker"], set_as_current=False)
    # The machine runs other things at the same time.
    app.conf.worker_proc_alive_timeout = 60
    app.conf.update(task.get("settings", {}))
    folder = Path(task["folder"])

    @contextlib.asynccontextmanager
    async def make_worker(engine: passpost_celery.CeleryEngine) -> AsyncIterator[Worker]:
        host = passpost.Host()
        async with passpost.AsyncMailer.from_file(folder / "passpost.jsonc", host) as mailer:
            store = SqliteStore(folder / "outbox.sqlite")
            yield Worker(store, KEYS, mailer, engine=engine, poll=None, **task["worker"])

    return app, passpost_celery.setup(app, make_worker, queue=task["queue"])


if "PASSPOST_SHOP" in os.environ:
    app, engine = shop(json.loads(os.environ["PASSPOST_SHOP"]))
    app.set_current()
