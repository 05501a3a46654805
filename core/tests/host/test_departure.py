"""The moment from which an email may have been sent: what fails before it is `rejected`."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import passpost
from passpost import wire
from passpost._delivery import threads
from passpost._policy.clock import LoopClock
from passpost._stores import Stores
from passpost._stores.cooldown import MemoryCooldowns
from passpost._stores.idempotency import MemoryIdempotency

from .conftest import TEMPLATES, Recorder

pytestmark = pytest.mark.anyio


class Marking(Recorder):
    """A connector that marks when an email leaves, if the test makes it do so."""

    marks = True

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return attrs.evolve(Recorder.connector_info(self), marks_departure=self.marks)


class Silent(Marking):
    marks = False


class InThread(Marking):
    """The same, synchronously."""

    @passpost.hookimpl
    def send_mail(self, mail: passpost.Mail) -> Any:  # type: ignore[override]  # pluggy calls with the arguments that a hook names
        self.mails.append(mail)
        return self.behave(mail)


class Backup(Recorder):
    id = "backup"


def mailer(*connectors: Recorder, stores: Any = None, **policy: Any) -> passpost.AsyncMailer:
    host = passpost.Host(environ={})
    made = []
    for connector in connectors:
        host.register(connector)
        settings = {"templates": TEMPLATES, "fromEmail": "no-reply@example.com"}
        made.append(host.configure(connector.id, settings))
    return passpost.AsyncMailer(*made, policy=passpost.Policy(**policy), stores=stores)


async def failure(sends: passpost.AsyncMailer, message: passpost.Message) -> passpost.SendError:
    with pytest.raises(passpost.SendError) as caught:
        await sends.send(message)
    return caught.value


def crash(error: BaseException, *, marked: bool) -> Callable[[passpost.Mail], Any]:
    def behave(_: passpost.Mail) -> Any:
        if marked:
            wire.about_to_send()
        raise error

    return behave


CRASHES = [
    (KeyError("token"), "provider", False),
    (SystemExit(3), "provider", False),
    (asyncio.CancelledError(), "provider", False),
    (ConnectionResetError(), "network", True),
    (TimeoutError(), "network", True),
]


@pytest.mark.parametrize("kind", [Marking, InThread])
@pytest.mark.parametrize(("error", "scope", "temporary"), CRASHES, ids=repr)
async def test_a_crash_before_the_email_left_is_rejected(
    kind: type[Marking],
    error: BaseException,
    scope: str,
    *,
    temporary: bool,
    message: passpost.Message,
) -> None:
    connector = kind()
    connector.behave = crash(error, marked=False)
    async with mailer(connector, attempts=1) as sends:
        said = await failure(sends, message)
        assert (said.outcome, said.scope, said.temporary) == ("rejected", scope, temporary)
        assert "before the email left" in str(said)
        assert said.hint
        assert "defect" in said.hint


@pytest.mark.parametrize("kind", [Marking, InThread])
async def test_a_crash_after_the_email_left_is_unknown(
    kind: type[Marking], message: passpost.Message
) -> None:
    connector, backup = kind(), Backup()
    connector.behave = crash(ConnectionResetError(), marked=True)
    async with mailer(connector, backup) as sends:
        said = await failure(sends, message)
    assert (said.outcome, said.scope, said.temporary) == ("unknown", "provider", False)
    assert backup.mails == []


@pytest.mark.parametrize("kind", [Marking, InThread])
async def test_the_next_connector_takes_what_never_left(
    kind: type[Marking], message: passpost.Message
) -> None:
    connector, backup = kind(), Backup()
    connector.behave = crash(KeyError("token"), marked=False)
    breaker = passpost.Breaker(failures=1)
    async with mailer(connector, backup, breaker=breaker) as sends:
        receipt = await sends.send(message)
        assert receipt.connector == "backup"
        assert [attempt.result for attempt in receipt.attempts] == ["rejected", "accepted"]
        assert sends.health()["recorder"].state == "open"


async def test_a_connector_that_marks_nothing_stays_unknown(message: passpost.Message) -> None:
    connector = Silent()
    # Not even a mark counts that it has not promised.
    connector.behave = crash(KeyError("token"), marked=False)
    async with mailer(connector) as sends:
        assert (await failure(sends, message)).outcome == "unknown"


async def test_what_a_connector_says_weighs_more_than_its_marks(message: passpost.Message) -> None:
    connector = Marking()
    unsure = passpost.SendError("lost", outcome="unknown", scope="network")
    connector.behave = crash(unsure, marked=False)
    async with mailer(connector) as sends:
        assert (await failure(sends, message)).outcome == "unknown"
        sure = passpost.SendError("no", outcome="rejected", scope="recipient")
        connector.behave = crash(sure, marked=True)
        assert (await failure(sends, message)).outcome == "rejected"


async def late(
    sends: passpost.AsyncMailer, message: passpost.Message, begun: threading.Event
) -> passpost.SendError:
    """Send, and let the deadline pass as soon as the connector has begun."""
    task = asyncio.create_task(failure(sends, message))
    await asyncio.to_thread(begun.wait)
    for limit in tuple(sends._delivery._connectors["recorder"].deadlines.running):
        limit.expire()
    return await task


@pytest.mark.parametrize("marked", [False, True])
async def test_the_deadline(*, marked: bool, message: passpost.Message) -> None:
    connector, begun = Marking(), threading.Event()

    async def hang() -> None:
        if marked:
            wire.about_to_send()
        begun.set()
        await asyncio.Event().wait()

    connector.behave = lambda mail: hang()
    async with mailer(connector, attempts=1) as sends:
        said = await late(sends, message, begun)
    assert said.outcome == ("unknown" if marked else "rejected")
    assert (said.scope, said.temporary) == ("provider", True)


async def test_what_a_thread_has_not_sent_by_the_deadline_never_leaves(
    message: passpost.Message,
) -> None:
    connector = InThread()
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()
    left: list[str] = []

    def behave(_: passpost.Mail) -> passpost.Receipt:
        begun.set()
        go_on.wait()
        try:
            wire.about_to_send()
            left.append("the email")
        finally:
            over.set()
        return passpost.Receipt()

    connector.behave = behave
    async with mailer(connector, attempts=1) as sends:
        assert (await late(sends, message, begun)).outcome == "rejected"
        go_on.set()
        await asyncio.to_thread(over.wait)
    assert left == []


async def test_what_a_thread_may_have_sent_by_the_deadline_is_unknown(
    message: passpost.Message,
) -> None:
    connector, begun, go_on = InThread(), threading.Event(), threading.Event()

    def sending(_: passpost.Mail) -> passpost.Receipt:
        wire.about_to_send()
        begun.set()
        go_on.wait()
        return passpost.Receipt()

    connector.behave = sending
    async with mailer(connector, attempts=1) as sends:
        assert (await late(sends, message, begun)).outcome == "unknown"
        go_on.set()


async def test_an_email_that_left_unmarked_ends_the_trust(
    message: passpost.Message, caplog: pytest.LogCaptureFixture
) -> None:
    connector = Marking()
    async with mailer(connector) as sends:
        await sends.send(message)
        await sends.send(message)
        told = [record for record in caplog.records if "about_to_send" in record.getMessage()]
        assert [record.levelno for record in told] == [logging.ERROR]
        connector.behave = crash(KeyError("token"), marked=False)
        assert (await failure(sends, message)).outcome == "unknown"


async def test_a_worker_cannot_mark_an_email_for_another(message: passpost.Message) -> None:
    connector = Marking()
    jobs: asyncio.Queue[asyncio.Future[passpost.Receipt]] = asyncio.Queue()
    workers: list[asyncio.Task[None]] = []

    async def work() -> None:
        # It has the context of the send that started it, and so that one's mark.
        while True:
            job = await jobs.get()
            try:
                wire.about_to_send()
            except passpost.SendError as error:
                job.set_exception(error)
            else:
                job.set_result(passpost.Receipt())

    async def enqueue() -> passpost.Receipt:
        if not workers:
            workers.append(asyncio.create_task(work()))
        job: asyncio.Future[passpost.Receipt] = asyncio.get_running_loop().create_future()
        await jobs.put(job)
        return await job

    connector.behave = lambda mail: enqueue()
    async with mailer(connector, attempts=1) as sends:
        await sends.send(message)
        said = await failure(sends, message)
        assert said.outcome == "rejected"
        assert "over before the email left" in str(said)
    workers[0].cancel()


def test_outside_of_an_attempt_a_mark_is_read_by_nobody() -> None:
    wire.about_to_send()
    mark = wire.departure()
    mark.begin()
    mark.begin()
    assert not mark.withdraw()
    with pytest.raises(passpost.SendError):
        mark.begin()
    never = wire.departure()
    assert never.withdraw()
    with pytest.raises(passpost.SendError) as caught:
        never.begin()
    assert caught.value.outcome == "rejected"


async def test_a_mark_ends_with_its_attempt(message: passpost.Message) -> None:
    connector, marks = Marking(), []

    def keep(_: passpost.Mail) -> passpost.Receipt:
        marks.append(wire.departure())
        wire.about_to_send()
        return passpost.Receipt()

    connector.behave = keep
    async with mailer(connector) as sends:
        await sends.send(message)
        await sends.send(message)
        # The application's own task is in no attempt.
        assert wire.departure() not in marks
        wire.about_to_send()
    assert len(set(map(id, marks))) == 2
    for mark in marks:
        with pytest.raises(passpost.SendError):
            mark.begin()


async def interrupted(sends: passpost.AsyncMailer, message: passpost.Message, at: Any) -> None:
    """Cancel a send as soon as it got somewhere."""
    task = asyncio.create_task(sends.send(message))
    await at.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("marked", [False, True])
async def test_a_cancelled_send_that_never_left_is_forgotten(
    *, marked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connector, at, clock = Marking(), asyncio.Event(), LoopClock()

    async def hang() -> None:
        if marked:
            wire.about_to_send()
        at.set()
        await asyncio.Event().wait()

    def send(_: passpost.Mail) -> passpost.Receipt:
        wire.about_to_send()
        return passpost.Receipt("id-1")

    connector.behave = lambda mail: hang()
    code = {"code": "493817"}
    message = passpost.Message("ada@example.com", "SignIn", code, idempotency_key="k")
    stores = Stores(idempotency=MemoryIdempotency(clock), cooldowns=MemoryCooldowns(clock))
    async with mailer(connector, stores=stores, recipient_cooldowns={"*": 60}) as sends:
        await interrupted(sends, message, at)
        connector.behave = send
        record: Any = caplog.records[-1]
        assert record.passpost["outcome"] == ("unknown" if marked else "rejected")
        assert "493817" not in caplog.text
        assert "ada@" not in caplog.text
        if marked:
            with pytest.raises(passpost.SendError, match="interrupted") as caught:
                await sends.send(message)
            assert caught.value.outcome == "unknown"
            other = attrs.evolve(message, idempotency_key="other")
            with pytest.raises(passpost.Throttled):
                await sends.send(other)
        else:
            assert not (await sends.send(message)).replayed


async def test_a_send_that_is_cancelled_while_it_waits_was_not_sent(
    message: passpost.Message,
) -> None:
    connector, at = Silent(), asyncio.Event()
    connector.behave = crash(
        passpost.SendError("later", outcome="rejected", scope="network", temporary=True),
        marked=True,
    )

    class Waiting(LoopClock):
        async def sleep(self, seconds: float) -> None:
            at.set()
            await asyncio.Event().wait()

    async with mailer(connector) as sends:
        sends._delivery._clock = Waiting()
        task = asyncio.create_task(sends.send(message))
        await at.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert caught.value.__notes__ == ["passpost: the email was not sent"]


async def test_a_send_that_is_cancelled_before_it_got_a_thread_was_not_sent(
    message: passpost.Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "THREADS", 1)
    caplog.set_level(logging.INFO)

    class Plain(InThread):
        marks = False

    connector, begun, go_on = Plain(), threading.Event(), threading.Event()

    def hold(_: passpost.Mail) -> passpost.Receipt:
        begun.set()
        go_on.wait()
        return passpost.Receipt()

    connector.behave = hold
    async with mailer(connector) as sends:
        first = asyncio.create_task(sends.send(message))
        await asyncio.to_thread(begun.wait)
        second = asyncio.create_task(sends.send(message))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert "nothing was sent" in caplog.text
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert "may have been sent" in caplog.text
        go_on.set()
