"""The two mailers, driven alike: calls that go on by themselves, and can be waited for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from unittest import mock

import passpost
from passpost._mailers import loop_thread

from .world import TIMEOUT, WATCHDOG, Operation, World, idle

TEMPLATES = [passpost.Template(usage_type="SignIn", subject="{{number}}", content="Hello")]


class Driver:
    """A mailer of one kind."""

    def __init__(self, world: World, connector: passpost.Connector) -> None:
        self.world = world
        self.operations: list[Operation] = []
        self._numbers = 0

    def serving(self) -> tuple[asyncio.AbstractEventLoop | None, threading.Thread | None]:
        """Return the loop that the mailer runs on, and its thread, once they run."""
        raise NotImplementedError

    def is_settled(self) -> bool:
        """Whether all calls under way have reached the loop."""
        raise NotImplementedError

    def start(self, kind: str, message: passpost.Message | None = None) -> Operation:
        """Begin a call."""
        raise NotImplementedError

    def end(self) -> None:
        """Take down what the driver made, after the mailer has closed."""

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    @property
    def pending(self) -> list[Operation]:
        return [operation for operation in self.operations if not operation.done.is_set()]

    def settle(self) -> None:
        """Wait until nothing moves any more unless a gate opens or time passes."""
        until = time.perf_counter() + WATCHDOG
        while True:
            self._idle()
            if self.is_settled() and not self.world.threads_at_work:
                # What the threads did last may have woken the loop.
                self._idle()
                return
            assert time.perf_counter() < until, f"it hangs: {self.pending}"
            time.sleep(0)

    def on_loop(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run something on the mailer's loop, unless that has ended."""
        loop, thread = self.serving()
        if loop is None or thread is None:
            return
        done = threading.Event()

        async def run() -> None:
            await work()
            done.set()

        # The loop may have ended with the last mailer.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(run()))
            while thread.is_alive() and not done.wait(0.05):
                pass

    def _idle(self) -> None:
        self.on_loop(idle)

    def _begun(self, kind: str, number: int) -> Operation:
        operation = Operation(kind, number, self.world.clock.time())
        self.operations.append(operation)
        return operation


class AsyncDriver(Driver):
    """An `AsyncMailer` on a loop of its own, each call a task."""

    def __init__(self, world: World, connector: passpost.Connector) -> None:
        super().__init__(world, connector)
        policy = passpost.Policy(timeout=TIMEOUT)
        self.mailer = passpost.AsyncMailer(connector, policy=policy, templates=TEMPLATES)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def serving(self) -> tuple[asyncio.AbstractEventLoop | None, threading.Thread | None]:
        return self._loop, self._thread

    def is_settled(self) -> bool:
        return True

    def start(self, kind: str, message: passpost.Message | None = None) -> Operation:
        number = 0 if message is None else message.payload["number"]
        assert isinstance(number, int)
        operation = self._begun(kind, number)
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "send": lambda: self.mailer.send(message) if message else asyncio.sleep(0),
            "check": self.mailer.check,
            "close": self.mailer.aclose,
        }

        async def begin() -> None:
            self._tasks.add(asyncio.ensure_future(operation.run(calls[kind])))

        self.on_loop(begin)
        return operation

    def cancel(self, operation: Operation) -> None:
        """Cancel a call, as `asyncio.timeout` or a web framework does."""

        async def cancel() -> None:
            if not operation.done.is_set() and operation.task is not None:
                operation.cancelled = operation.task.cancel()

        self.on_loop(cancel)

    def end(self) -> None:
        async def strays() -> None:
            known = {asyncio.current_task(), self._serving}
            left = {task for task in asyncio.all_tasks() if not task.done()} - known
            self.world.broken.extend(f"{task!r} was left" for task in left)

        self.on_loop(strays)
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WATCHDOG)
        assert not self._thread.is_alive(), "the event loop does not end"

    def _serve(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()
        self._stop = asyncio.Event()
        # A task, so that anyio ends its threads with it.
        self._serving = self._loop.create_task(self._wait())
        self._loop.run_until_complete(self._serving)
        self._loop.close()

    async def _wait(self) -> None:
        await self._stop.wait()


class BlockingDriver(Driver):
    """A `Mailer`, each call in a thread of its own."""

    def __init__(self, world: World, connector: passpost.Connector) -> None:
        super().__init__(world, connector)
        # uvloop has a clock of its own, which cannot be moved.
        self._patch = mock.patch.object(loop_thread, "_new_event_loop", asyncio.new_event_loop)
        self._patch.start()
        policy = passpost.Policy(timeout=TIMEOUT)
        self.mailer = passpost.Mailer(connector, policy=policy, templates=TEMPLATES)

    def serving(self) -> tuple[asyncio.AbstractEventLoop | None, threading.Thread | None]:
        serving = loop_thread._process.thread
        return serving._loop, serving._thread

    def is_settled(self) -> bool:
        running = loop_thread._process.thread._running.copy()
        abandoned = any(call.abandoned for call in running)
        return not abandoned and len(running) == len(self.pending)

    def start(self, kind: str, message: passpost.Message | None = None) -> Operation:
        number = 0 if message is None else message.payload["number"]
        assert isinstance(number, int)
        operation = self._begun(kind, number)
        calls: dict[str, Callable[[], Any]] = {
            "send": lambda: self.mailer.send(message) if message else None,
            "check": self.mailer.check,
            "close": self.mailer.close,
        }
        threading.Thread(target=operation.run_in_thread, args=(calls[kind],), daemon=True).start()
        return operation

    def end(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "passpost":
                thread.join(WATCHDOG)
                assert not thread.is_alive(), "the event loop does not end"
        self._patch.stop()
