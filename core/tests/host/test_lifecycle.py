"""Sessions, closing and deadlines: what holds however a send, a session or a caller ends."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import pytest

import passpost
from passpost._delivery import deadlines, sessions, threads
from passpost._mailers import async_mailer as mailer
from passpost._messages import messages

from .conftest import TEMPLATES, Recorder

pytestmark = pytest.mark.anyio

CANARY = "493817"
SOON = passpost.Policy(timeout=0.05)


def configured(plugin: object, *extensions: object) -> passpost.Connector:
    host = passpost.Host(extensions, environ={})
    host.register(plugin)
    return host.configure("recorder", {"templates": TEMPLATES, "fromEmail": "a@example.com"})


async def failure(mailer: passpost.AsyncMailer, message: passpost.Message) -> passpost.SendError:
    with pytest.raises(passpost.SendError) as caught:
        await mailer.send(message)
    return caught.value


class Mortal(Recorder):
    """Its session keeps a task group, which fails when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.dies = asyncio.Event()
        self.dead = asyncio.Event()

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[str]:
        self.sessions.append("opened")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._die())
                yield "the session"
                raise AssertionError("the tests end this session by its task alone")
        finally:
            self.sessions.append("ended")
            self.dead.set()

    async def _die(self) -> None:
        await self.dies.wait()
        raise OSError(f"the connection for {CANARY} broke")


async def test_a_session_that_dies_ends_and_the_next_send_opens_another(
    message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    mortal = Mortal()
    mailer = passpost.AsyncMailer(configured(mortal))
    await mailer.send(message)
    mortal.dies.set()
    await mortal.dead.wait()
    mortal.dies.clear()
    await mailer.send(message)
    assert mortal.sessions == ["opened", "ended", "opened"]
    assert "the session ended" in caplog.text
    assert CANARY not in caplog.text
    mortal.dies.set()
    await mailer.aclose()
    assert mortal.sessions == ["opened", "ended"] * 2


class SlowToClose(Recorder):
    """Its session closes when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_close = asyncio.Event()

    @passpost.hookimpl
    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[str]:
        self.sessions.append("opened")
        yield "the session"
        try:
            await self.may_close.wait()
            self.sessions.append("closed")
        except asyncio.CancelledError:
            self.sessions.append("cancelled")
            raise


async def test_a_timeout_around_closing_is_kept_and_the_closing_goes_on(
    message: passpost.Message,
) -> None:
    slow = SlowToClose()
    mailer = passpost.AsyncMailer(configured(slow))
    await mailer.send(message)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await mailer.aclose()
    assert slow.sessions == ["opened"]
    again = asyncio.create_task(mailer.aclose())
    await asyncio.sleep(0)
    assert not again.done()
    slow.may_close.set()
    await again
    assert slow.sessions == ["opened", "closed"]
    await mailer.aclose()


async def test_a_session_that_does_not_close_in_time_is_cancelled(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CLOSING", 0.01)
    slow = SlowToClose()
    async with passpost.AsyncMailer(configured(slow)) as mailer:
        await mailer.send(message)
    assert slow.sessions == ["opened", "cancelled"]


async def test_a_session_that_ignores_its_cancellation_is_left_alone(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sessions, "CLOSING", 0.01)
    monkeypatch.setattr(sessions, "CANCELLING", 0.01)
    released = asyncio.Event()

    class Stubborn(Recorder):
        @passpost.hookimpl
        @asynccontextmanager
        async def open_session(self) -> AsyncIterator[str]:
            yield "the session"
            while not released.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await released.wait()

    async with passpost.AsyncMailer(configured(Stubborn())) as mailer:
        await mailer.send(message)
    assert "does not end, and was left alone" in caplog.text
    released.set()


async def test_closing_waits_only_so_long_for_a_send_that_ignores_its_deadline(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)
    monkeypatch.setattr(mailer, "DRAINING", 0.0)
    recorder, released, begun = Recorder(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> passpost.Receipt:
        begun.set()
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()
        return passpost.Receipt("late")

    recorder.behave = lambda mail: stubborn()
    async with passpost.AsyncMailer(configured(recorder), policy=SOON) as the_mailer:
        sending = asyncio.create_task(the_mailer.send(message))
        await begun.wait()
    released.set()
    assert (await sending).provider_id == "late"


async def test_a_hook_that_swallows_its_cancellation_is_cancelled_again(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)
    monkeypatch.setattr(deadlines, "INSIST", 0.01)
    recorder = Recorder()

    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    recorder.behave = lambda mail: stubborn()
    async with passpost.AsyncMailer(configured(recorder), policy=SOON) as mailer:
        error = await failure(mailer, message)
    assert (error.outcome, error.temporary) == ("unknown", True)
    current = asyncio.current_task()
    assert current is not None
    assert not current.cancelling()


def test_a_mailer_whose_loop_has_ended_is_closed_already(
    connector: passpost.Connector, message: passpost.Message
) -> None:
    mailer = passpost.AsyncMailer(connector)
    asyncio.run(mailer.send(message))
    asyncio.run(mailer.aclose())
    with pytest.raises(passpost.MailerClosedError):
        asyncio.run(mailer.send(message))


def test_a_loop_that_ends_closes_the_session(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    asyncio.run(passpost.AsyncMailer(connector).send(message))
    # The context was left, if by cancellation.
    assert recorder.sessions == ["opened"]


def test_a_mailer_is_closed_on_its_own_loop(
    connector: passpost.Connector, message: passpost.Message
) -> None:
    mailer = passpost.AsyncMailer(connector)

    async def send() -> None:
        await mailer.send(message)
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, mailer.aclose())
        await mailer.aclose()

    asyncio.run(send())


@pytest.mark.parametrize("answers", ["cancelled", "fails", "opens"])
async def test_an_opening_that_nobody_waits_for_is_given_up(
    answers: str, message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    hangs = asyncio.Event()

    class SlowToOpen(Recorder):
        @passpost.hookimpl
        @asynccontextmanager
        async def open_session(self) -> AsyncIterator[str]:
            self.sessions.append("opening")
            if len(self.sessions) > 1:
                yield "the session"
                return
            try:
                await hangs.wait()
            except asyncio.CancelledError:
                if answers == "cancelled":
                    raise
                if answers == "fails":
                    raise OSError(CANARY) from None
            yield "the session"
            self.sessions.append("left")

    slow = SlowToOpen()
    connector = configured(slow)
    async with passpost.AsyncMailer(connector, policy=SOON) as mailer:
        error = await failure(mailer, message)
        assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", True)
        await mailer.send(message)
    left = ["left"] if answers == "opens" else []
    assert slow.sessions == ["opening", *left, "opening"]
    # Giving up is not a defect of the connector, nor is what comes of it.
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_session_that_ends_as_soon_as_it_is_open_is_not_used(
    message: passpost.Message,
) -> None:
    class Ephemeral(Recorder):
        @passpost.hookimpl
        @asynccontextmanager
        async def open_session(self) -> AsyncIterator[str]:
            owner = asyncio.current_task()
            assert owner is not None
            owner.cancel()
            yield "the session"

    ephemeral = Ephemeral()
    async with passpost.AsyncMailer(configured(ephemeral)) as mailer:
        error = await failure(mailer, message)
    assert (error.outcome, error.scope, error.temporary) == ("rejected", "network", True)
    assert ephemeral.mails == []


@pytest.mark.parametrize(
    "raised",
    [
        OSError(CANARY),
        SystemExit(0),
        asyncio.CancelledError(),
        BaseExceptionGroup("", [SystemExit(1)]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_session_that_cannot_be_opened_has_sent_nothing(
    connector: passpost.Connector,
    recorder: Recorder,
    message: passpost.Message,
    raised: BaseException,
) -> None:
    def fail() -> None:
        raise raised

    recorder.opens = fail
    async with passpost.AsyncMailer(connector) as mailer:
        error = await failure(mailer, message)
        assert (error.outcome, error.scope) == ("rejected", "provider")
        assert type(raised).__name__ in str(error)
        assert CANARY not in str(error)
        recorder.opens = lambda: None
        await mailer.send(message)


async def test_an_opening_that_claims_an_unknown_outcome_is_corrected(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    def fail() -> None:
        raise passpost.SendError("broke", outcome="unknown", scope="network")

    recorder.opens = fail
    async with passpost.AsyncMailer(connector) as mailer:
        assert (await failure(mailer, message)).outcome == "rejected"


class Blocking(Recorder):
    """Sends synchronously, and waits in its thread until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.called = 0

    @passpost.hookimpl
    def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:  # type: ignore[override]  # pluggy calls with the arguments that a hook names
        self.called += 1
        self.go_on.wait()
        return passpost.Receipt("late")


async def test_what_never_got_a_thread_is_rejected_and_the_application_keeps_its_own(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)
    monkeypatch.setattr(threads, "THREADS", 3)
    blocking = Blocking()
    try:
        policy = passpost.Policy(timeout=0.5)
        async with passpost.AsyncMailer(configured(blocking), policy=policy) as mailer:
            errors = await asyncio.gather(*(failure(mailer, message) for _ in range(45)))
            assert await anyio.to_thread.run_sync(lambda: "a thread") == "a thread"
            free = anyio.to_thread.current_default_thread_limiter()
            assert free.borrowed_tokens == 0
        outcomes = [error.outcome for error in errors]
        # As many as were called, which on a busy machine may be fewer than there are threads.
        assert outcomes.count("unknown") == blocking.called <= 3
        assert outcomes.count("rejected") == 45 - blocking.called
    finally:
        blocking.go_on.set()


async def test_a_connector_that_hangs_in_its_threads_leaves_those_of_another(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    hanging, healthy = Blocking(), Blocking()
    healthy.go_on.set()
    hangs = passpost.AsyncMailer(configured(hanging))
    works = passpost.AsyncMailer(configured(healthy))
    waiting = asyncio.create_task(hangs.send(message))
    assert (await works.send(message)).provider_id == "late"
    # A place that was given back serves the next send.
    assert (await works.send(message)).provider_id == "late"
    hanging.go_on.set()
    await waiting
    await hangs.aclose()
    await works.aclose()


@pytest.mark.parametrize("where", ["entering", "leaving"])
async def test_an_extension_that_hangs_does_not_hold_up_a_send(
    where: str,
    message: passpost.Message,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(deadlines, "GRACE", 0.0)

    class Hangs:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            if where == "entering":
                await asyncio.Event().wait()
            yield
            await asyncio.Event().wait()

    recorder = Recorder()
    async with passpost.AsyncMailer(configured(recorder, Hangs()), policy=SOON) as mailer:
        if where == "entering":
            error = await failure(mailer, message)
            assert (error.outcome, error.temporary, recorder.mails) == ("rejected", True, [])
        else:
            assert (await mailer.send(message)).provider_id == "id-1"
            assert "did not end in time after an attempt" in caplog.text


async def test_an_extension_sees_the_error_as_the_application_does() -> None:
    seen: list[BaseException] = []

    class Traces:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            try:
                yield
            except passpost.SendError as error:
                seen.append(error)
                raise

    recorder = Recorder()
    recorder.behave = lambda mail: (_ for _ in ()).throw(KeyError(CANARY))
    async with passpost.AsyncMailer(configured(recorder, Traces())) as mailer:
        message = passpost.Message("ada@example.com", "SignIn", {"code": CANARY})
        error = await failure(mailer, message)
    assert seen == [error]
    assert CANARY not in "".join(traceback.format_exception(seen[0]))


async def test_a_check_that_hangs_ends_at_the_deadline() -> None:
    class Hangs(Recorder):
        @passpost.hookimpl
        async def check_connection(self) -> list[passpost.Finding]:
            await asyncio.Event().wait()
            return []

    async with passpost.AsyncMailer(configured(Hangs()), policy=SOON) as mailer:
        with pytest.raises(passpost.SendError, match="before the check was done") as caught:
            await mailer.check()
    assert (caught.value.outcome, caught.value.temporary) == ("rejected", True)


async def test_a_timeout_of_the_system_is_not_the_deadline(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    recorder.behave = lambda mail: (_ for _ in ()).throw(TimeoutError(110, "ETIMEDOUT"))
    async with passpost.AsyncMailer(connector) as mailer:
        error = await failure(mailer, message)
    assert error.outcome == "unknown"
    assert "TimeoutError at" in str(error)


async def test_a_connectors_own_timeout_at_the_deadline_is_the_deadline(
    connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    async def wait(mail: passpost.Mail) -> None:
        async with asyncio.timeout(mail.seconds_left()):
            await asyncio.Event().wait()

    recorder.behave = wait
    async with passpost.AsyncMailer(connector, policy=SOON) as mailer:
        error = await failure(mailer, message)
    assert (error.outcome, error.temporary) == ("unknown", True)
    assert "before the deadline" in str(error)


class _Stepped(dt.datetime):
    """The wall clock, which somebody sets an hour ahead."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> _Stepped:
        return cls.fromtimestamp(dt.datetime.now(tz).timestamp() + 3600, tz)


async def test_a_step_of_the_wall_clock_moves_no_deadline(
    connector: passpost.Connector, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float | None] = []

    def step(mail: passpost.Mail) -> passpost.Receipt:
        class Stepped:
            datetime, UTC = _Stepped, dt.UTC

        monkeypatch.setattr(messages, "dt", Stepped)
        left.append(mail.seconds_left())
        return passpost.Receipt("id-1")

    recorder.behave = step
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)
    message = passpost.Message("ada@example.com", "SignIn", {"code": "1"}, deadline=deadline)
    async with passpost.AsyncMailer(connector) as mailer:
        await mailer.send(message)
    assert left[0] is not None
    assert 0 < left[0] <= 30


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_a_callers_cancellation_shows_nothing_of_the_connector(
    how: str, connector: passpost.Connector, recorder: Recorder, message: passpost.Message
) -> None:
    begun = asyncio.Event()
    limit = asyncio.timeout(None)

    async def hang(code: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def send() -> None:
        async with limit:
            await the_mailer.send(message)

    recorder.behave = lambda mail: hang(f"code {mail.payload['code']}")
    async with passpost.AsyncMailer(connector) as the_mailer:
        sending = asyncio.create_task(send())
        await begun.wait()
        if how == "cancelled":
            sending.cancel()
        else:
            limit.reschedule(0)
        with pytest.raises((asyncio.CancelledError, TimeoutError)) as caught:
            await sending
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(shown.format())


@pytest.mark.parametrize("act", ["send", "check"])
async def test_a_cancellation_that_was_requested_while_the_task_ran_is_the_callers(
    act: str, message: passpost.Message
) -> None:
    class Checkable(Recorder):
        @passpost.hookimpl
        async def check_connection(self) -> list[passpost.Finding]:
            return []

    async def cancel_and_go_on() -> None:
        task = asyncio.current_task()
        assert task is not None
        # As a signal handler does: the task runs, and hears of it where it waits next.
        task.cancel()
        await (the_mailer.send(message) if act == "send" else the_mailer.check())

    async with passpost.AsyncMailer(configured(Checkable())) as the_mailer:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cancel_and_go_on())


@pytest.mark.parametrize(
    "raised",
    [
        SystemExit(0),
        GeneratorExit(),
        asyncio.CancelledError(),
        BaseExceptionGroup("two", [SystemExit(1), KeyError(CANARY)]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_what_a_hook_raises_is_its_own_defect(
    kind: str, raised: BaseException, message: passpost.Message
) -> None:
    class Synchronous(Recorder):
        @passpost.hookimpl
        def send_mail(self, mail: passpost.Mail) -> Any:  # type: ignore[override]  # likewise
            return self.behave(mail)

    recorder = Recorder() if kind == "async" else Synchronous()

    def fail(mail: passpost.Mail) -> None:
        raise raised

    recorder.behave = fail
    async with passpost.AsyncMailer(configured(recorder)) as mailer:
        error = await failure(mailer, message)
        assert (error.outcome, error.scope) == ("unknown", "provider")
        assert type(raised).__name__ in str(error)
        assert "report it" in (error.hint or "")
        recorder.behave = lambda mail: passpost.Receipt("next")
        assert (await mailer.send(message)).provider_id == "next"


@pytest.mark.parametrize("where", ["entering", "leaving"])
async def test_an_extension_that_exits_stops_nobody(
    where: str, message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    class Exits:
        @passpost.hookimpl
        @asynccontextmanager
        async def around_send(self) -> AsyncIterator[None]:
            if where == "entering":
                raise SystemExit(0)
            yield
            raise SystemExit(0)

    recorder = Recorder()
    async with passpost.AsyncMailer(configured(recorder, Exits())) as mailer:
        if where == "entering":
            error = await failure(mailer, message)
            assert (error.outcome, recorder.mails) == ("rejected", [])
        else:
            assert (await mailer.send(message)).provider_id == "id-1"
            assert "SystemExit at" in caplog.text


async def test_a_check_that_exits_is_the_connectors_defect() -> None:
    class Exits(Recorder):
        @passpost.hookimpl
        async def check_connection(self) -> list[passpost.Finding]:
            raise SystemExit(0)

    async with passpost.AsyncMailer(configured(Exits())) as mailer:
        with pytest.raises(passpost.PluginError, match="SystemExit at"):
            await mailer.check()
