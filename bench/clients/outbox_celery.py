"""The Celery application of ``bench_outbox.py``: ``celery -A outbox_celery``."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from celery import Celery
from outbox_job import open_worker, plain, read_job

import passpost_celery
from passpost_outbox import Worker

job = read_job()
app = Celery("bench", broker=job.broker_url)
app.conf.task_ignore_result = True
app.conf.worker_hijack_root_logger = False


def _make_worker(engine: passpost_celery.CeleryEngine) -> AbstractAsyncContextManager[Worker]:
    return open_worker(job, engine)


if job.store:
    engine = passpost_celery.setup(app, _make_worker, queue=job.queue)
else:
    # With Celery's own settings.
    app.conf.task_default_queue = job.queue
    send_plainly = plain(job)

    @app.task  # type: ignore[untyped-decorator] # Celery carries no types
    def send(number: int) -> None:
        """Send an email."""
        send_plainly(number)
