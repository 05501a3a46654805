"""The worker for engines that call it in threads, as Celery does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Self

from passpost_outbox.loops import LoopThread
from passpost_outbox.records import State
from passpost_outbox.worker import Worker


class BlockingWorker:
    """A `Worker` in a background thread, for all threads of a process.

    ::

        @contextlib.asynccontextmanager
        async def make():
            async with passpost.AsyncMailer.from_file("passpost.jsonc") as mailer:
                yield Worker(SqliteStore("outbox.sqlite"), keys, mailer, engine=engine, poll=None)

        worker = BlockingWorker(make)
        worker.begin(id_).result()

    The first call starts the worker, and with it its sweeper. A child of a fork makes a worker of
    its own with its first call.

    Args:
        make: Returns a context in whose body the worker is used. It is called, entered and left on
            the event loop of the thread.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Worker]]) -> None:
        self._make = make
        self._thread = LoopThread("passpost worker")
        # By process; changed on its loop alone.
        self._lives: dict[int, _Life] = {}

    def start(self) -> None:
        """Start the worker now, so that it sweeps before the first email comes.

        Raises:
            Exception: Whatever the making of the worker raised.
        """
        self._thread.run(self._worker())

    def begin(self, id_: str) -> Future[State | None]:
        """Begin to send one email, or the next that waits; see `Worker.work_or_next`.

        So the emails of a message with several IDs are sent at once. The send is within the context
        of the caller.

        Returns:
            What will have the state. Its error is whatever the making of the worker raised.
        """
        return self._thread.begin(self._work_or_next(id_))

    def work(self, id_: str) -> State | None:
        """Send one email, if it is still to be sent; see `Worker.work`.

        Raises:
            StoreError: The store cannot be asked. The email was not sent.
            Exception: Whatever the making of the worker raised.
        """
        return self._thread.run(self._work(id_))

    def close(self) -> None:
        """Finish what is under way, and end the thread; the next call starts both again."""
        self._thread.stop(self._close())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    async def _work(self, id_: str) -> State | None:
        worker = await self._worker()
        return await worker.work(id_)

    async def _work_or_next(self, id_: str) -> State | None:
        worker = await self._worker()
        return await worker.work_or_next(id_)

    async def _worker(self) -> Worker:
        life = self._lives.get(os.getpid())
        if life is None:
            life = self._lives[os.getpid()] = _Life(self._make)
        try:
            # Shielded: others wait for it, too.
            return await asyncio.shield(life.worker)
        except BaseException:
            if life.worker.done() and self._lives.get(os.getpid()) is life:
                # The next call tries again.
                del self._lives[os.getpid()]
            raise

    async def _close(self) -> None:
        life = self._lives.pop(os.getpid(), None)
        if life is not None:
            await life.end()


class _Life:
    """A worker from its start to its end, which one task enters and leaves."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Worker]]) -> None:
        self.worker: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._make = make
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._live())

    async def end(self) -> None:
        """End the worker.

        Raises:
            Exception: Whatever its context raised.
        """
        self._over.set()
        await self._task

    async def _live(self) -> None:
        try:
            async with self._make() as worker, worker:
                self.worker.set_result(worker)
                await self._over.wait()
        except BaseException as error:
            if self.worker.done():
                raise
            self.worker.set_exception(error)
