"""What the state machine plays in: clocks that stand still, a provider, and the calls under way."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any
from unittest import mock

import attrs

import passpost

WATCHDOG = 10.0
"""Real seconds after which whatever does not end counts as a hang."""

TIMEOUT = 60.0
"""The policy's timeout, in seconds of the clock below."""

_now = dt.datetime.now
_real = dt.datetime


class _Dates(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real)


class Clock:
    """The monotonic and the wall clock of the process; both stand still unless they are moved."""

    def __init__(self) -> None:
        self._monotonic, self._wall = time.monotonic(), _now(dt.UTC)
        clock = self

        class Stepped(_real, metaclass=_Dates):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]  # it is one, as far as anybody can tell
                return clock._wall.astimezone(tz)

        self._patches = ExitStack()
        self._patches.enter_context(mock.patch("time.monotonic", self.time))
        self._patches.enter_context(mock.patch("datetime.datetime", Stepped))

    def time(self) -> float:
        return self._monotonic

    def wall(self) -> dt.datetime:
        return self._wall

    def pass_by(self, seconds: float) -> None:
        """Let time pass for both clocks."""
        self._monotonic += seconds
        self.step(seconds)

    def step(self, seconds: float) -> None:
        """Set the wall clock, as an operator or NTP does."""
        self._wall += dt.timedelta(seconds=seconds)

    def close(self) -> None:
        self._patches.close()


class Gate:
    """Holds up anyone who comes, on a loop or in a thread, until it opens."""

    def __init__(self) -> None:
        self.parked = 0
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def wait(self) -> None:
        if not self._opened.is_set():
            event = asyncio.Event()
            self._waiting.append((asyncio.get_running_loop(), event))
            await event.wait()

    def wait_in_thread(self) -> None:
        with self._lock:
            self.parked += 1
        assert self._opened.wait(WATCHDOG), "the gate was forgotten"

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    def open(self) -> None:
        self._opened.set()
        for loop, event in self._waiting:
            # Who waited may have been cancelled, and the loop have ended.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)


@attrs.define
class Plan:
    """What happens at one place: a gate to wait at, then an exception to raise."""

    gate: Gate | None = None
    error: Callable[[], BaseException] | None = None

    async def follow(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error()


@attrs.define
class Delivery(Plan):
    """What happens to one email: whether it leaves, and whether that is before the gate."""

    leaves: bool = True
    leaves_first: bool = False


class Session:
    """A provider's session with a task in the background, which may crash."""

    def __init__(self) -> None:
        self.last = math.inf
        self._crashed = asyncio.Event()

    def crash(self, last: int) -> None:
        """Die; no email after that one may use the session."""
        self.last = min(self.last, last)
        self._crashed.set()

    async def run(self) -> None:
        await self._crashed.wait()
        raise RuntimeError("the connection broke")


class World:
    """The provider's side of everything, and what is true of each email."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.deliveries: dict[int, Delivery] = {}
        self.plans: dict[str, list[Plan]] = {"open": [], "close": [], "around": [], "check": []}
        self.called: set[int] = set()
        self.left: list[int] = []
        self.broken: list[str] = []
        self.sessions: list[Session] = []
        self.entered = 0
        self.ended = 0
        self.expected: dict[int, float] = {}
        self.gates: list[Gate] = []

    def plan(self, place: str) -> Plan:
        waiting = self.plans[place]
        return waiting.pop(0) if waiting else Plan()

    @property
    def threads_at_work(self) -> int:
        """How many threads of hooks do something else than wait at a gate."""
        workers = [one for one in threading.enumerate() if one.name == "AnyIO worker thread"]
        busy = sum(bool(worker.queue.unfinished_tasks) for worker in workers)  # type: ignore[attr-defined]  # anyio's own kind of thread
        return busy - sum(gate.parked for gate in self.gates if not gate.is_open)

    def begin(self, session: Session, mail: passpost.Mail) -> tuple[int, Delivery]:
        """Note that the connector was called, and that what it was given is right."""
        number = mail.payload["number"]
        assert isinstance(number, int)
        self.called.add(number)
        if number > session.last:
            self.broken.append(f"email {number} was given a session that had died before")
        left, expected = mail.seconds_left(), self.expected[number] - self.clock.time()
        if left is None or abs(left - expected) > 0.001:
            self.broken.append(f"email {number} was told of {left} s in place of {expected}")
        return number, self.deliveries[number]


class _Hooks:
    def __init__(self, world: World) -> None:
        self._world = world

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        text = {"en": "Plays a provider"}
        return passpost.ConnectorInfo(id="world", name=text, description=text, config_class=dict)

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[Session]:
        world = self._world
        await world.plan("open").follow()
        session = Session()
        world.sessions.append(session)
        world.entered += 1
        try:
            async with asyncio.TaskGroup() as group:
                background = group.create_task(session.run())
                try:
                    yield session
                finally:
                    background.cancel()
                    await world.plan("close").follow()
        finally:
            world.sessions.remove(session)
            world.ended += 1

    @passpost.hookimpl
    async def check_connection(self, session: Session) -> Sequence[passpost.Finding]:
        await self._world.plan("check").follow()
        return ()


class AsyncHooks(_Hooks):
    """An asynchronous connector."""

    @passpost.hookimpl
    async def send_mail(self, session: Session, mail: passpost.Mail) -> passpost.Receipt:
        number, delivery = self._world.begin(session, mail)
        if delivery.leaves and delivery.leaves_first:
            self._world.left.append(number)
        await delivery.follow()
        if delivery.leaves and not delivery.leaves_first:
            self._world.left.append(number)
        return passpost.Receipt(str(number))


class ThreadHooks(_Hooks):
    """A synchronous connector, which passpost runs in threads."""

    @passpost.hookimpl
    def send_mail(self, session: Session, mail: passpost.Mail) -> passpost.Receipt:
        number, delivery = self._world.begin(session, mail)
        if delivery.gate is not None:
            delivery.gate.wait_in_thread()
        if delivery.error is not None:
            raise delivery.error()
        self._world.left.append(number)
        return passpost.Receipt(str(number))


class Around:
    """An extension that may hold up and reject attempts."""

    def __init__(self, world: World) -> None:
        self._world = world

    @passpost.hookimpl
    @asynccontextmanager
    async def around_send(self) -> AsyncIterator[None]:
        await self._world.plan("around").follow()
        yield


def connector(world: World, *, threads: bool, extended: bool) -> passpost.Connector:
    """Configure the provider."""
    host = passpost.Host([Around(world)] if extended else [], environ={})
    host.register(ThreadHooks(world) if threads else AsyncHooks(world))
    return host.configure("world", {})


@attrs.define(eq=False)
class Operation:
    """A call of the mailer under way in a task or thread of its own, and what came of it."""

    kind: str
    number: int
    begun: float
    cancelled: bool = False
    checked: bool = False
    result: Any = None
    error: BaseException | None = None
    task: asyncio.Task[Any] | None = None
    done: threading.Event = attrs.field(factory=threading.Event)

    async def run(self, work: Callable[[], Awaitable[Any]]) -> None:
        self.task = asyncio.current_task()
        try:
            self.result = await work()
        except BaseException as error:  # noqa: BLE001 - the machine looks at it
            self.error = error
        self.done.set()

    def run_in_thread(self, work: Callable[[], Any]) -> None:
        try:
            self.result = work()
        except BaseException as error:  # noqa: BLE001 - the machine looks at it
            self.error = error
        self.done.set()


async def idle() -> None:
    """Return once the loop has nothing more to do by itself."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # asyncio's own loop
    quiet = 0
    while quiet < 3:
        await asyncio.sleep(0)
        quiet = 0 if ready else quiet + 1
