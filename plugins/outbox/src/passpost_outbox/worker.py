"""The worker: claims emails, and has each sent; `ClaimedEmails` does that."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import secrets
import time
from contextlib import suppress
from typing import Final, Literal, Self

from passpost import AsyncMailer
from passpost.stores import StoreError
from passpost_outbox.claimed import ClaimedEmails
from passpost_outbox.engine import AGAIN, PATIENCE, Engine, Publisher
from passpost_outbox.keys import Keys
from passpost_outbox.opening import WorkerFromFile
from passpost_outbox.records import Claim, State, is_id
from passpost_outbox.store import Change, OutboxStore
from passpost_outbox.sweeper import Sweeper

log: Final = logging.getLogger("passpost.outbox")

_POLL: Final = 0.2


class Worker(WorkerFromFile):
    """Sends the emails of an outbox through one mailer.

    ::

        async with passpost.AsyncMailer.from_file("passpost.jsonc") as mailer:
            worker = Worker(store, keys, mailer)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
            await worker.run()

    Run as many as you like, in as many processes as the store serves. Each also sweeps, one of them
    at a time; see `Sweeper`.

    With an engine, its workers call `work` with the IDs that it brings. They do so within ``async
    with worker``, where the worker runs beside them; `BlockingWorker` is for threads.

    Args:
        store: Where the emails are.
        keys: Decrypts them.
        mailer: Sends them, with its whole policy.
        concurrency: How many emails are under way at a time.
        poll: Seconds between two looks at a store that had nothing to send; None where an engine
            brings all emails, so that the worker sweeps and sends nothing of its own accord.
        lease: Seconds after which an email whose worker is silent counts as ``unknown``. A worker
            renews it while it sends.
        sweep_every: Seconds between two sweeps.
        keep: Seconds that records in a final state are kept, and idempotency keys with them.
        on_unknown: What becomes of an email where nobody knows whether it was sent. ``stop`` ends
            it as ``unknown``. ``resend`` sends it once more while its deadline lasts, with the same
            Message-ID, Date and content, so that some recipients get it twice. Until then, its
            encrypted body is kept.
        engine: Is told again of emails that nobody took.
        publish_timeout: Seconds that the engine may take.
        republish: Seconds after which an email that nobody took is published again. They grow with
            its age.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(  # noqa: PLR0913 - three parts and five numbers, all of which have defaults
        self,
        store: OutboxStore,
        keys: Keys,
        mailer: AsyncMailer,
        *,
        concurrency: int = 20,
        poll: float | None = _POLL,
        lease: float = 60.0,
        sweep_every: float = 5.0,
        keep: float = 86_400.0,
        on_unknown: Literal["stop", "resend"] = "stop",
        engine: Engine | None = None,
        publish_timeout: float = PATIENCE,
        republish: float = AGAIN,
    ) -> None:
        pause = _POLL if poll is None else poll
        if concurrency < 1 or not min(pause, lease, sweep_every, keep) > 0:
            raise ValueError("concurrency is at least 1, and all times are greater than 0")
        if on_unknown not in {"stop", "resend"}:
            raise ValueError("on_unknown is stop or resend")
        self._store = store
        self._slots = asyncio.Semaphore(concurrency)
        self._polls = poll is not None
        self._pause = pause
        self._lease = lease
        self._resends = on_unknown == "resend"
        self._publisher = Publisher.of(engine, publish_timeout, republish)
        self._sweeper = Sweeper(store, every=sweep_every, keep=keep, publisher=self._publisher)
        self._stopping = asyncio.Event()
        self._claimed = ClaimedEmails(
            store, keys, mailer, lease=lease, pause=pause, stopping=self._stopping
        )
        self._running: asyncio.Task[None] | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def stop(self) -> None:
        """Claim no more emails; `run` returns when those under way have ended."""
        self._stopping.set()

    async def run(self) -> None:
        """Send emails until `stop` is called. What fails meanwhile is logged, and not raised."""
        sweeping = asyncio.create_task(self._sweeper.run(self._stopping))
        try:
            async with asyncio.TaskGroup() as sending:
                if self._polls:
                    await self._claim_all(sending)
                else:
                    await self._stopping.wait()
        finally:
            self.stop()
            await sweeping

    def start(self) -> None:
        """Begin to `run` in the background; more calls do nothing."""
        if self._running is None:
            self._running = asyncio.create_task(self.run(), name="passpost worker")

    async def aclose(self) -> None:
        """Stop, and wait for what is under way: what was claimed, and calls of `work`."""
        self.stop()
        if self._running is not None:
            await self._running
        await self._idle.wait()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self.aclose()

    async def work(self, id_: str) -> State | None:
        """Send one email, if it is still to be sent. A worker that stops claims none.

        Returns:
            The state that its record reached; None where there was nothing to claim.

        Raises:
            StoreError: The store cannot be asked. The email was not sent.
        """
        if not is_id(id_):
            # Not repeated: anyone who can write to the broker could write the log as well.
            log.error("an engine brought something that is not the ID of an email")
            return None
        return await self._work(id_)

    async def work_or_next(self, id_: str) -> State | None:
        """Send one email, or the next that waits if that has expired or was sent already.

        So each ID moves one email, and none waits for the IDs of others. While as many emails are
        under way as may be, the next one comes first: it may be more urgent. What fails is logged,
        and not raised.

        Returns:
            The state that its record reached; None where no email waits, or the store cannot be
            asked. A sweeper publishes the email again then.
        """
        ids = (None, id_) if self._slots.locked() else (id_, None)
        try:
            for one in ids:
                state = await (self._work() if one is None else self.work(one))
                if state is not None:
                    return state
        except StoreError as error:
            log.error("an email was not claimed, and will be published again: %s", error)  # noqa: TRY400 - the text says it all
        except Exception as error:  # noqa: BLE001 - a queue would log its text
            log.error("an email ended in a %s", type(error).__name__)  # noqa: TRY400 - likewise
        return None

    async def _work(self, id_: str | None = None) -> State | None:
        self._under_way += 1
        self._idle.clear()
        try:
            async with self._slots:
                if self._stopping.is_set():
                    return None
                found = await self._next(id_)
                if found is None:
                    return None
                if self._publisher is not None:
                    self._publisher.note(found[0].record)
                return await self._claimed.send(*found)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def drain(self) -> int:
        """Sweep, send what is queued now, one after the other, and return how many were claimed.

        Raises:
            StoreError: The store cannot be asked.
        """
        await self._sweeper.sweep_once()
        claimed = 0
        while not self._stopping.is_set() and (found := await self._next()) is not None:
            await self._claimed.send(*found)
            claimed += 1
        return claimed

    async def _claim_all(self, sending: asyncio.TaskGroup) -> None:
        slots = self._slots

        async def perform(change: Change, asked: dt.datetime) -> None:
            try:
                await self._claimed.send(change, asked)
            except Exception as error:  # noqa: BLE001 - it must not cancel the other emails
                log.error("%s ended in a %s", change.record.id, type(error).__name__)  # noqa: TRY400 - its text may contain the email

        def give_back(_task: asyncio.Task[None]) -> None:
            slots.release()

        wanted = 1
        while True:
            await slots.acquire()
            free = 1
            try:
                if self._stopping.is_set():
                    return
                while free < wanted and not slots.locked():
                    await slots.acquire()
                    free += 1
                found = await self._next_ones(free)
                # A long queue is claimed by many at a time, and an empty one asked for one.
                wanted = 2 * free if len(found) == free else max(1, len(found))
                for one in found:
                    # Not by the task itself, which may be cancelled before it begins.
                    sending.create_task(perform(*one)).add_done_callback(give_back)
                    free -= 1
            finally:
                for _unused in range(free):
                    slots.release()
            if not found:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._pause)

    async def _next_ones(self, number: int) -> list[tuple[Change, dt.datetime]]:
        """Claim some emails at once, which a store can do together."""
        claims = (self._next() for _ in range(number))
        claimed = await asyncio.gather(*claims, return_exceptions=True)
        found: list[tuple[Change, dt.datetime]] = []
        for one in claimed:
            if isinstance(one, tuple):
                found.append(one)
            elif isinstance(one, StoreError):
                log.error("the outbox cannot be asked: %s", one)
            elif isinstance(one, Exception):
                # A defect of a store, which must not end the worker. Its text may be anything.
                log.error("the outbox cannot be asked: %s", type(one).__name__)
            elif one is not None:
                raise one
        return found

    async def _next(self, id_: str | None = None) -> tuple[Change, dt.datetime] | None:
        # Before the store is asked, so that a slow reply gives no email a longer life.
        asked = dt.datetime.now(dt.UTC)
        store, claim = self._store, self._claim()
        change = await (store.claim_next(claim) if id_ is None else store.apply(id_, claim))
        return None if change is None else (change, asked)

    def _claim(self) -> Claim:
        date = int(time.time() * 1000) if self._resends else None
        return Claim(secrets.token_hex(8), int(self._lease * 1000), date)
