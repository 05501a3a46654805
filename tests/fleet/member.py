"""A worker of a fleet, as a process of its own: the built-in one, Procrastinate's, or Celery's.

It is given JSON in the environment. ``celery -A member`` runs it as a worker of Celery.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import passpost
from passpost_outbox import (
    Change,
    Claim,
    Engine,
    Event,
    Finish,
    Keys,
    OutboxStore,
    SqliteStore,
    Worker,
)

# What an engine or a store needs is imported where it is used: a process starts in half the time.
if TYPE_CHECKING:
    from celery import Celery

    from passpost_celery import CeleryEngine

TASK: Final = "PASSPOST_FLEET_MEMBER"


def open_store(task: Mapping[str, Any]) -> OutboxStore:
    kind, url, options = task["store"]
    if kind == "sqlite":
        return SqliteStore(url)
    if kind == "redis":
        from passpost_outbox.redis import RedisStore  # noqa: PLC0415 - see above

        return RedisStore(url, **options)
    from passpost_outbox.postgres import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(url, **options)


class Death:
    """Kills the process when it reaches a point for the given time."""

    def __init__(self, point: str, times: int) -> None:
        self.point = point
        self.left = times

    def at(self, point: str) -> None:
        self.left -= point == self.point
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def in_broker(self) -> None:
        """Die where Celery has a message of Redis, and its broker knows of it no more."""
        from kombu.transport.redis import Transport  # noqa: PLC0415 - see above

        deliver = Transport._deliver

        def dying(*arguments: Any) -> Any:
            self.at("popped")
            return deliver(*arguments)

        Transport._deliver = dying


class MortalStore:
    """A store whose process dies at a point."""

    def __init__(self, store: OutboxStore, death: Death) -> None:
        self._store = store
        self._death = death

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim_next(self, claim: Claim) -> Change | None:
        self._death.at("unclaimed")
        change = await self._store.claim_next(claim)
        if change is not None:
            self._death.at("claimed")
        return change

    async def apply(self, id_: str, event: Event) -> Change | None:
        if isinstance(event, Claim):
            self._death.at("unclaimed")
        if isinstance(event, Finish):
            self._death.at("sent")
        change = await self._store.apply(id_, event)
        if change is not None and isinstance(event, Claim):
            self._death.at("claimed")
        if isinstance(event, Finish):
            self._death.at("finished")
        return change


@contextlib.asynccontextmanager
async def open_worker(task: Mapping[str, Any], engine: Engine | None) -> AsyncIterator[Worker]:
    store: Any = open_store(task)
    if task.get("death"):
        death = Death(*task["death"])
        if death.point == "popped":
            death.in_broker()
        store = MortalStore(store, death)
    async with passpost.AsyncMailer.from_file(task["settings"]) as mailer:
        poll = 0.05 if engine is None else None
        keys = Keys.from_folder(task["keys"])
        yield Worker(store, keys, mailer, engine=engine, poll=poll, **task["worker"])
    await store.aclose()


def celery(task: Mapping[str, Any], broker: str) -> tuple[Celery, CeleryEngine]:
    from celery import Celery  # noqa: PLC0415 - see above

    from passpost_celery import setup  # noqa: PLC0415 - see above

    app = Celery("fleet", broker=broker, set_as_current=False)
    app.conf.update(task.get("celery", {}))
    engine = setup(app, lambda engine: open_worker(task, engine), queue=task["queue"])
    return app, engine


async def main(task: Mapping[str, Any]) -> None:
    if task["engine"] == "procrastinate":
        from passpost_procrastinate import ProcrastinateEngine  # noqa: PLC0415 - see above

        engine = ProcrastinateEngine(task["store"][1])
        async with open_worker(task, engine) as worker:
            await engine.run(worker, concurrency=task["worker"]["concurrency"])
        await engine.aclose()
        return
    async with open_worker(task, None) as worker:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(os.environ[TASK])))
elif TASK in os.environ:
    given = json.loads(os.environ[TASK])
    app, _engine = celery(given, given["broker"])
    app.set_current()
