"""The engine: jobs of Procrastinate that contain an ID, and its worker."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import procrastinate
from procrastinate import signals
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg import AsyncConnection

from passpost import Secret
from passpost_outbox import SharedMessages, Transaction, Worker
from passpost_outbox.postgres import PostgresServer

log: Final = logging.getLogger("passpost.outbox")

TASK: Final = "passpost.send"
"""The name of the task, which takes the ID of an email and nothing else."""

_LOCK: Final = 7_377_020_712
"""The advisory lock of the one process that makes the tables."""

# Procrastinate's function, not its client: it also runs over a connection of the application.
_DEFER: Final = """
SELECT procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(
  CAST(%(queue)s AS varchar), CAST(%(task)s AS varchar), CAST(%(priority)s AS integer),
  NULL, NULL, CAST(%(args)s AS jsonb), NULL
) AS procrastinate_job_to_defer_v1)])
"""
_PATIENCE: Final = 5.0
"""Seconds that a worker waits for a connection, before its database counts as lost."""

_PAUSE: Final = 1.0
"""Seconds until a worker that has lost its database begins again."""

_EXISTS: Final = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"


class ProcrastinateEngine:
    """Brings the IDs of emails to workers through Procrastinate's tables.

    With a `PostgresStore` in the same database, an email that is stored in a transaction of the
    application is published in it, too.

    Args:
        url: A URL or a connection string of libpq, of the database with Procrastinate's tables.
        queue: The name of the queue.

    Raises:
        ValueError: The URL is not valid.
    """

    def __init__(self, url: str | Secret, *, queue: str = "passpost") -> None:
        self._url = url if isinstance(url, Secret) else Secret(url)
        self._queue = queue
        self._server = PostgresServer(self._url)
        self._shared = SharedMessages(self._publish_together)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._server}>"

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        """Bring an ID to a worker; see `passpost_outbox.Engine`."""
        # The claim of an email that has expired fails, so its job does no harm.
        del seconds_left
        await self._shared.publish(priority, id_)

    async def publish_within(
        self, transaction: Transaction, id_: str, *, seconds_left: float, priority: int
    ) -> None:
        """Bring an ID to a worker, if a transaction is committed."""
        del seconds_left
        await transaction.read(_DEFER, self._job([id_], priority))

    async def create_tables(self) -> None:
        """Make Procrastinate's tables, if there are none; many processes may do so at once.

        Raises:
            StoreError: They cannot be made.
        """
        ddl = SchemaManager.get_schema()
        await self._server.run(lambda on: on.create_once(_LOCK, _EXISTS, ddl))

    async def run(self, worker: Worker, *, concurrency: int = 20, wait: bool = True) -> None:
        """Run Procrastinate's worker until SIGTERM, and finish what is under way.

        It outlives its database: as soon as that is back, it goes on.

        Args:
            worker: Sends the emails, and sweeps meanwhile. It has ``poll=None``, and this engine.
                Its own `concurrency` is how many emails are under way at a time.
            concurrency: How many jobs are under way at a time, each of one email or several.
            wait: Whether to wait for more jobs when there are none.
        """
        # Its pool is one of this event loop.
        connector = procrastinate.PsycopgConnector(
            conninfo=self._url.reveal(), timeout=_PATIENCE, configure=_commit_each
        )
        app = procrastinate.App(connector=connector)

        @app.task(name=TASK, queue=self._queue)
        async def send(id: str, more: Sequence[str] = ()) -> None:  # noqa: A002 - the names of the arguments in the tables
            await asyncio.gather(*(worker.work_or_next(one) for one in (id, *more)))

        async with app.open_async(), worker:
            await self._forget_stalled(app)
            working = asyncio.create_task(self._work(app, concurrency, wait=wait))
            # Its own signal handlers end with each of Procrastinate's workers.
            with signals.on_stop(partial(_cancel, working)):
                try:
                    await working
                except asyncio.CancelledError:
                    if _is_cancelled():
                        raise

    async def _work(self, app: procrastinate.App, concurrency: int, *, wait: bool) -> None:
        """Run one of Procrastinate's workers after another: each ends when its database fails."""
        while True:
            try:
                await app.run_worker_async(
                    queues=[self._queue],
                    concurrency=concurrency,
                    wait=wait,
                    delete_jobs=procrastinate.jobs.DeleteJobCondition.ALWAYS.value,
                    install_signal_handlers=False,
                )
                if not wait:
                    return
            except ConnectorException:
                if _is_cancelled():
                    raise asyncio.CancelledError from None
            log.error("the worker has lost %s, and begins again in %g s", self._server, _PAUSE)
            await asyncio.sleep(_PAUSE)
            with suppress(ConnectorException):
                await self._forget_stalled(app)

    async def aclose(self) -> None:
        """Close the connections of this event loop; the next call opens them again."""
        await self._server.aclose()

    async def _forget_stalled(self, app: procrastinate.App) -> None:
        """Delete the jobs of workers that vanished; the outbox has ended their emails itself."""
        for job in await app.job_manager.get_stalled_jobs(queue=self._queue, task_name=TASK):
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)

    async def _publish_together(self, priority: int, ids: Sequence[str]) -> None:
        values = self._job(ids, priority)
        await self._server.run(lambda on: on.read(_DEFER, values))

    def _job(self, ids: Sequence[str], priority: int) -> Mapping[str, Any]:
        # Procrastinate takes higher ones first.
        args = json.dumps({"id": ids[0], "more": ids[1:]} if ids[1:] else {"id": ids[0]})
        return {"queue": self._queue, "task": TASK, "priority": -priority, "args": args}


async def _commit_each(connection: AsyncConnection[Any]) -> None:
    """Let each statement be a transaction, as Procrastinate has it: a third of the round trips."""
    await connection.set_autocommit(True)


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _is_cancelled() -> bool:
    """Return whether somebody cancelled the current task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
