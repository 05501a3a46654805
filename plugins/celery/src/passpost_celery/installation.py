"""Adds the task, its queue and the worker of emails to a Celery application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from threading import Thread
from typing import Any, Final

from celery import Celery, Task, current_app, signals
from celery.concurrency import get_implementation, prefork, solo, thread
from kombu import Exchange, Queue

from passpost import PasspostError
from passpost.phrases import Phrases
from passpost_celery.engine import TASK, CeleryEngine
from passpost_celery.settings import apply_settings, check
from passpost_celery.tracing import continued, separated
from passpost_outbox import BlockingWorker, State, Worker

_ = Phrases("passpost_celery")

log: Final = logging.getLogger("passpost.outbox")

_DAY: Final = 86_400
_TAKEN: Final = "passpost_celery.taken:Taken"
"""By name: web processes need not import what workers run."""

_POOLS: Final = (prefork.TaskPool, thread.TaskPool, solo.TaskPool)

MakeWorker = Callable[[CeleryEngine], AbstractAsyncContextManager[Worker]]


def setup(app: Celery, make_worker: MakeWorker, *, queue: str = "passpost") -> CeleryEngine:
    """Let the workers of a Celery application send the emails of an outbox.

    Call it after the application's own settings, in the module that web processes and workers
    import::

        engine = passpost_celery.setup(app, make_worker)

    Args:
        app: The application.
        make_worker: Returns a context in whose body a worker is used. Each process of a Celery
            worker that serves the queue enters it once; web processes never do.
        queue: The name of the queue.

    Returns:
        The engine of the outbox.

    Raises:
        ConfigError: Settings of the application would break a promise of the outbox.
    """
    apply_settings(app)
    driver = app.connection_for_write().transport.driver_type
    arguments = {"x-queue-type": "quorum"} if driver == "amqp" else None
    declared = Queue(queue, Exchange(queue), queue, durable=True, queue_arguments=arguments)
    app.amqp.queues.add(declared)
    engine = CeleryEngine(app, declared)
    worker = BlockingWorker(lambda: make_worker(engine))
    task = _task(app, worker)
    check(app, task)
    _Processes(app, task, worker, engine, make_worker).connect()
    return engine


def _task(app: Celery, worker: BlockingWorker) -> Task:
    def send(task: Task, *ids: str) -> None:
        """Send the email of each ID, or else the next; never raise, so that nothing is logged."""
        sent = []
        try:
            traces = separated(task.request.headers or {}, len(ids))
            for id_, trace in zip(ids, traces, strict=True):
                with continued(trace):
                    sent.append(worker.begin(id_))
            for one in sent:
                _await(one)
        except Exception as error:  # noqa: BLE001 - Celery would log its text
            log.error("a message ended in a %s", type(error).__name__)  # noqa: TRY400 - likewise
        except BaseException:
            # A task that is interrupted waits no longer.
            for one in sent:
                one.cancel()
            raise

    return app.task(
        send,
        name=TASK,
        bind=True,
        shared=False,
        # Safe, because only one claim of an ID succeeds. Early ones lose what dies right after.
        acks_late=True,
        reject_on_worker_lost=True,
        ignore_result=True,
        store_errors_even_if_ignored=False,
        max_retries=0,
        serializer="json",
        typing=False,
        # The policy ends each send; a limit of Celery would end it where nobody knows.
        time_limit=_DAY,
        soft_time_limit=_DAY,
        rate_limit=None,
    )


def _await(sent: Future[State | None]) -> None:
    try:
        sent.result()
    except Exception as error:  # noqa: BLE001 - the worker was not made; the next message tries again
        what = error if isinstance(error, PasspostError) else type(error).__name__
        log.error("an email was not claimed, and will be published again: %s", what)  # noqa: TRY400 - another's text may have anything


class _Processes:
    """Starts and ends the worker of emails together with the processes of a Celery worker."""

    def __init__(
        self,
        app: Celery,
        task: Task,
        worker: BlockingWorker,
        engine: CeleryEngine,
        make_worker: MakeWorker,
    ) -> None:
        self._app = app
        self._task = task
        self._worker = worker
        self._engine = engine
        self._make_worker = make_worker
        # Not each Celery worker of an application serves each queue.
        self._serves = False

    def connect(self) -> None:
        """Ask Celery to tell of its processes."""
        signals.worker_init.connect(self._check, weak=False)
        signals.worker_process_init.connect(self._start_child, weak=False)
        signals.worker_ready.connect(self._start_threads, weak=False)
        signals.worker_process_shutdown.connect(self._stop, weak=False)
        signals.worker_shutdown.connect(self._stop, weak=False)

    def _check(self, sender: Any, **_told: Any) -> None:
        """End a Celery worker that cannot send, before it takes an email."""
        consumed = self._app.amqp.queues.consume_from
        self._serves = sender.app is self._app and self._engine.queue in consumed
        if not self._serves:
            return
        try:
            check(self._app, self._task)
            pool = get_implementation(sender.pool_cls)
            if not issubclass(pool, _POOLS):
                raise TypeError(_("use the pool `threads`, `prefork` or `solo`"))  # noqa: TRY301 - told below
            asyncio.run(self._try_out())
            self._take_at_once()
        except Exception as error:  # noqa: BLE001 - Celery logs each, and goes on
            problem = error
        else:
            return
        text = str(problem)
        if not isinstance(problem, PasspostError | TypeError):
            text = f"{type(problem).__name__}: {text}"
        raise SystemExit(f"passpost-celery: {text}")

    def _take_at_once(self) -> None:
        """Let messages of Redis leave the queue when they are taken; see `Taken`."""
        driver = self._app.connection_for_read().transport.driver_type
        # Without the setting, a worker would take all that is in the queue.
        if driver == "redis" and self._app.conf.worker_disable_prefetch:
            self._app.amqp.queues[self._engine.queue].no_ack = True
            self._task.Request = _TAKEN

    async def _try_out(self) -> None:
        # Without the thread of a worker, which would not cross the fork of a pool.
        async with self._make_worker(self._engine):
            pass

    def _start_child(self, **_told: Any) -> None:
        if self._serves and current_app._get_current_object() is self._app:  # noqa: SLF001 - the proxy has no other way
            self._start()

    def _start_threads(self, sender: Any, **_told: Any) -> None:
        if self._serves and not isinstance(sender.pool, prefork.TaskPool):
            self._start()

    def _start(self) -> None:
        # In the background: Celery gives a new process 4 s.
        Thread(target=self._start_now, name="passpost start", daemon=True).start()

    def _start_now(self) -> None:
        try:
            self._worker.start()
        except Exception as error:  # noqa: BLE001 - the next email tries again
            what = error if isinstance(error, PasspostError) else type(error).__name__
            log.error("the worker of emails did not start: %s", what)  # noqa: TRY400 - another's text may have anything

    def _stop(self, **_told: Any) -> None:
        self._worker.close()
