"""Brings the IDs of emails to Celery's workers, and nothing else of them."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, NamedTuple

from celery import Celery
from kombu import Connection, Queue

from passpost.phrases import Phrases
from passpost.stores import StoreError
from passpost_celery.tracing import joined, trace_headers
from passpost_outbox import SharedMessages

_ = Phrases("passpost_celery")

TASK: Final = "passpost.send"
"""The name of the task; it stays the same, because messages of older versions name it."""

_THREADS: Final = 4
"""Publishes that a process has under way at a time, each on its own connection to the broker."""

_PATIENCE: Final = 3.0
"""Seconds to wait for each reply of the broker. The outbox waits for less, and rests then."""

_LONGEST: Final = 30 * 86_400.0
"""Seconds that a message lives at most; RabbitMQ rejects a longer time than 49 days."""

_LEVELS: Final = (10, 20, 50)
"""The outbox's priorities up to which a message has each priority of its broker."""

_STEP: Final = 3
"""Between two priorities; Redis has a list for each of 0, 3, 6 and 9."""

# Celery's own connections may wait for ever, so publishing has its own.
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "redis": {
        "socket_timeout": _PATIENCE,
        "socket_connect_timeout": _PATIENCE,
        "retry_on_timeout": False,
    },
    "amqp": {"read_timeout": _PATIENCE, "write_timeout": _PATIENCE, "confirm_publish": True},
}


class _Told(NamedTuple):
    """An email of which the broker is to be told; see `Engine.publish`."""

    id: str
    seconds_left: float
    trace: Mapping[str, str]


class CeleryEngine:
    """An engine of an outbox: ``Outbox(…, engine=engine)``. `setup` makes it.

    Args:
        app: The Celery application.
        queue: The queue of its messages.
    """

    def __init__(self, app: Celery, queue: Queue) -> None:
        self._app = app
        self._queue = queue
        # By process: neither threads nor connections survive a fork.
        self._publishers: dict[int, _Publisher] = {}

    @property
    def queue(self) -> str:
        """The name of the queue."""
        name: str = self._queue.name
        return name

    async def publish(self, id_: str, *, seconds_left: float, priority: int) -> None:
        """Bring an ID to a worker; see `passpost_outbox.Engine`.

        Raises:
            StoreError: The broker did not confirm it. The email is queued all the same.
        """
        publisher = self._publishers.get(os.getpid())
        if publisher is None:
            made = _Publisher(self._app, self._queue)
            publisher = self._publishers.setdefault(os.getpid(), made)
        told = _Told(id_, seconds_left, trace_headers())
        await publisher.shared.publish(publisher.level(priority), told)


class _Publisher:
    """Publishes in a few threads of one process."""

    def __init__(self, app: Celery, queue: Queue) -> None:
        self._app = app
        self._queue = queue
        self.shared: Final = SharedMessages(self._publish_together)
        self._driver: str = app.connection_for_write().transport.driver_type
        self._threads = ThreadPoolExecutor(_THREADS, "passpost celery")
        self._local = threading.local()

    def level(self, priority: int) -> int:
        """Return a priority as the broker counts: low ones come first in Redis alone."""
        level = _STEP * bisect_left(_LEVELS, priority)
        return level if self._driver == "redis" else _STEP * len(_LEVELS) - level

    async def _publish_together(self, level: int, told: Sequence[_Told]) -> None:
        options = {
            "args": tuple(one.id for one in told),
            # Celery remembers IDs of tasks that expired, and drops those that come again.
            "task_id": f"{told[0].id}.{secrets.token_hex(4)}",
            "queue": self._queue,
            # Dropped by a broker that can. Celery's own `expires` would let workers discard one
            # after the other, and compare the clocks of two machines.
            "expires": None,
            "expiration": min(max(one.seconds_left for one in told), _LONGEST),
            "priority": level,
            "headers": joined([one.trace for one in told]),
        }
        try:
            await asyncio.wrap_future(self._threads.submit(self._publish, options))
        except Exception as error:  # noqa: BLE001 - each transport has its own
            kind = type(error).__name__
        else:
            return
        # A transport's own words may repeat the URL, and its password.
        raise StoreError(_("the Celery broker did not confirm an ID: {kind}", kind=kind))

    def _publish(self, options: Mapping[str, Any]) -> None:
        used: Connection | None = getattr(self._local, "connection", None)
        began = time.monotonic()
        try:
            self._send(used or self._connect(), options)
        except Exception:
            if time.monotonic() - began > _PATIENCE / 2:
                raise
        else:
            return
        # The broker was restarted since, or a quorum queue that is new has no leader yet. The same
        # ID twice does no harm.
        self._send(self._connect(), options)

    def _connect(self) -> Connection:
        return self._app.connection_for_write(
            connect_timeout=_PATIENCE,
            # Nothing would beat between two publishes.
            heartbeat=0,
            transport_options={**_OPTIONS.get(self._driver, {}), "max_retries": 1},
        )

    def _send(self, connection: Connection, options: Mapping[str, Any]) -> None:
        self._local.connection = None
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=_PATIENCE)
            self._app.send_task(
                TASK,
                connection=connection,
                **options,
                ignore_result=True,
                argsrepr="(id,)",
                kwargsrepr="{}",
                serializer="json",
                retry=False,
                confirm_timeout=_PATIENCE,
            )
        except BaseException:
            with suppress(Exception):
                self._close(connection)
            raise
        self._local.connection = connection

    def _close(self, connection: Connection) -> None:
        """Close a connection without waiting for a broker that is silent."""
        if self._driver == "amqp":
            # A close is a question and its reply there.
            connection.collect()
        else:
            # For these transports, `collect` sets the timeout of all sockets of the process, and
            # two threads at once would leave it set.
            connection.release()
