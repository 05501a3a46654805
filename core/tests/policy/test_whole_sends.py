"""`around_delivery`: entered once per send, and told how it ended, whatever that was."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any
from unittest import mock

import attrs
import pytest
from scripted import TEMPLATES, Scripted, hanging, mailer, message, rejected, unknown
from virtual_time import VirtualClock, run

import passpost
from passpost._stores import Stores
from passpost.stores import MemoryIdempotency

DOWN = rejected("network", temporary=True)
CODE = "493817"


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.summaries: list[passpost.DeliverySummary] = []
        self.ends: list[Any] = []
        self.numbers: list[int] = []
        self.log: list[str] = []

    @passpost.hookimpl
    @asynccontextmanager
    async def around_delivery(self, summary: passpost.DeliverySummary) -> AsyncIterator[None]:
        self.summaries.append(summary)
        self.log.append("send")
        assert summary.receipt is None
        try:
            yield
        except BaseException as error:
            self.ends.append(error)
            raise
        else:
            self.ends.append(summary.receipt)
        finally:
            self.log.append("end")

    @passpost.hookimpl
    @asynccontextmanager
    async def around_send(self, summary: passpost.MailSummary) -> AsyncIterator[None]:
        self.numbers.append(summary.attempt)
        self.log.append(f"{summary.connector} {summary.attempt}")
        yield


def extension(function: Any) -> object:
    """Return an extension whose `around_delivery` is a function."""

    class Extension:
        around_delivery = staticmethod(passpost.hookimpl(function))

    return Extension()


async def end(sends: passpost.AsyncMailer, **parts: Any) -> Any:
    """Return what `send` returns or raises."""
    try:
        return await sends.send(message(**parts))
    except passpost.PasspostError as error:
        return error


def test_a_send_is_surrounded_once_and_its_attempts_are_counted() -> None:
    async def scene() -> None:
        watcher = Watcher()
        first, backup = Scripted("first", DOWN, DOWN, DOWN), Scripted("backup", DOWN)
        async with mailer(first, backup, extensions=[watcher]) as sends:
            receipt = await sends.send(message(locale="zh-TW en", context={"tenant": "acme"}))
        assert watcher.log == ["send", "first 1", "backup 2", *watcher.log[3:-1], "end"]
        assert watcher.numbers == [1, 2, *range(3, len(receipt.attempts) + 1)]
        assert len(receipt.attempts) > 2
        assert watcher.ends == [receipt]
        (summary,) = watcher.summaries
        assert summary.usage == "SignIn"
        assert summary.locale == ("zh-TW", "en")
        assert (summary.recipient, summary.recipient_domain) == ("a…@example.com", "example.com")
        assert list(summary.connectors.items()) == [("first", "first"), ("backup", "backup")]
        assert summary.context == {"tenant": "acme"}
        assert CODE not in repr(summary)
        assert "acme" not in repr(summary)

    run(scene())


def test_the_connectors_are_those_of_the_usages_route() -> None:
    async def scene() -> None:
        watcher = Watcher()
        both = Scripted("first"), Scripted("backup")
        routes = {"SignIn": ("backup", "first"), "*": ("first",)}
        async with mailer(*both, extensions=[watcher], routes=routes) as sends:
            await sends.send(message())
            await sends.send(message(usage="Generic"))
        assert [[*s.connectors] for s in watcher.summaries] == [["backup", "first"], ["first"]]

    run(scene())


def test_a_connector_without_a_template_is_not_an_attempt() -> None:
    async def scene() -> None:
        watcher = Watcher()
        names = ("first", "bare", "last")
        connectors = [Scripted(name) for name in names]
        connectors[0].answers = [DOWN]
        generic = [{"usageType": "Other", "subject": "x", "content": "x"}]
        async with mailer(*connectors, extensions=[watcher], templates={"bare": generic}) as sends:
            receipt = await sends.send(message())
        assert [attempt.connector for attempt in receipt.attempts] == ["first", "last"]
        assert watcher.numbers == [1, 2]

    run(scene())


@attrs.frozen
class Case:
    """A send that ends in some way, after sends that lead to it."""

    error: type[Exception] | None
    code: str | None = None
    attempts: int = 0
    answers: tuple[Any, ...] = ()
    before: int = 0
    parts: dict[str, Any] = attrs.field(factory=dict)
    policy: dict[str, Any] = attrs.field(factory=dict)
    stores: Any = None


ENDS = {
    "accepted": Case(None, attempts=1),
    "replayed": Case(None, before=1, parts={"idempotency_key": "k"}, stores=True),
    "unknown": Case(passpost.SendError, attempts=1, answers=(unknown(),)),
    "rejected": Case(passpost.SendError, attempts=1, answers=(rejected("recipient"),)),
    "defect": Case(passpost.SendError, attempts=1, answers=(KeyError(CODE),)),
    "throttled": Case(
        passpost.Throttled, "passpost.cooldown", before=1, policy={"recipient_cooldowns": {"*": 60}}
    ),
    "breaker": Case(
        passpost.SendError,
        "passpost.unavailable",
        before=1,
        answers=(rejected("network"),),
        policy={"breaker": passpost.Breaker(failures=1, recovery=600), "timeout": 10},
    ),
    "template": Case(passpost.TemplateNotFound, parts={"usage": "Other"}),
    "late": Case(passpost.SendError, attempts=1, answers=(hanging(90),), policy={"timeout": 5}),
    "too late": Case(
        passpost.SendError, attempts=1, parts={"deadline": "passed"}, policy={"timeout": 5}
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_is_seen_and_logged_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    case = ENDS[name]

    async def scene() -> None:
        watcher = Watcher()
        first = Scripted("first", *case.answers)
        parts = dict(case.parts)
        if "deadline" in parts:
            parts["deadline"] = _long_ago()
        stores = Stores(idempotency=MemoryIdempotency(VirtualClock())) if case.stores else None
        templates = {"first": TEMPLATES[:1]}
        async with mailer(
            first, extensions=[watcher], stores=stores, templates=templates, **case.policy
        ) as sends:
            for _ in range(case.before):
                await end(sends, **parts)
            caplog.clear()
            result = await end(sends, **parts)
        assert watcher.ends[-1] is result
        assert len(watcher.ends) == case.before + 1
        if case.error is None:
            assert isinstance(result, passpost.Receipt)
            assert result.replayed is bool(case.before)
        else:
            assert type(result) is case.error
            assert getattr(result, "provider_code", None) == case.code
        assert len(getattr(result, "attempts", ())) == case.attempts

    run(scene())
    records: list[Any] = [one for one in caplog.records if hasattr(one, "passpost")]
    assert [record.passpost["attempts"] for record in records] == [case.attempts]
    assert records[0].passpost["outcome"] == (
        "accepted"
        if case.error is None
        else "unknown"
        if name in {"unknown", "defect", "late"}
        else "rejected"
    )
    assert CODE not in caplog.text
    assert "ada@" not in caplog.text


def _long_ago() -> Any:
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


def test_a_cancelled_send_is_seen_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scene() -> None:
        watcher, asked = Watcher(), asyncio.Event()

        async def hang(_mail: passpost.Mail) -> None:
            asked.set()
            await asyncio.Event().wait()

        async with mailer(Scripted("first", hang), extensions=[watcher]) as sends:
            sending = asyncio.ensure_future(sends.send(message()))
            await asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        assert [type(error) for error in watcher.ends] == [asyncio.CancelledError]

    run(scene())
    (record,) = [one for one in caplog.records if hasattr(one, "passpost")]
    facts: Any = vars(record)["passpost"]
    # Nobody knows what the provider made of it.
    assert (facts["outcome"], facts["attempts"]) == ("unknown", None)


def test_the_log_record_is_written_within_the_contexts(caplog: pytest.LogCaptureFixture) -> None:
    """What a context sets, as a trace does, holds for the record of its send."""
    caplog.set_level(logging.INFO)
    current = contextvars.ContextVar("current", default="none")
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(current.get())

    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        token = current.set("the send")
        try:
            yield
        finally:
            current.reset(token)

    async def scene() -> None:
        refusing = extension(lambda: _raise(rejected("account")))
        first = Scripted("first", None, rejected("recipient"))
        async with mailer(first, extensions=[extension(around_delivery)]) as sends:
            await end(sends)
            await end(sends)
        async with mailer(first, extensions=[refusing, extension(around_delivery)]) as sends:
            await end(sends)

    handler = Handler()
    logging.getLogger("passpost").addHandler(handler)
    try:
        run(scene())
    finally:
        logging.getLogger("passpost").removeHandler(handler)
    assert seen == ["the send"] * 3


# Rejections ---------------------------------------------------------------------------------------


def _raise(error: BaseException) -> Any:
    raise error


@asynccontextmanager
async def _raises_inside(error: BaseException) -> AsyncIterator[None]:
    await asyncio.sleep(0)
    _raise(error)
    yield


@pytest.mark.parametrize("how", [_raise, _raises_inside])
@pytest.mark.parametrize("scope", ["provider", "network", "account"])
def test_an_extension_may_reject_a_send(
    how: Callable[[BaseException], Any], scope: Any, caplog: pytest.LogCaptureFixture
) -> None:
    error = passpost.SendError(
        f"quota used up: {CODE}", outcome="unknown", scope=scope, temporary=True, retry_after=60
    )

    async def scene() -> None:
        watcher, first, backup = Watcher(), Scripted("first"), Scripted("backup")
        stores = Stores(idempotency=MemoryIdempotency(VirtualClock()))
        refuses = True
        refusing = extension(lambda: how(error) if refuses else None)
        # The last one given is entered first.
        async with mailer(first, backup, extensions=[refusing, watcher], stores=stores) as sends:
            for _ in range(20):
                result = await end(sends, idempotency_key="k")
                assert isinstance(result, passpost.SendError)
                # Nothing was sent, whatever the extension says; and no connector is to blame.
                assert (result.outcome, result.scope, result.connector) == ("rejected", scope, None)
                assert (str(result), result.retry_after) == ("quota used up: ***", 60)
                assert result.attempts == ()
                assert watcher.ends[-1] is result
            assert {health.state for health in sends.health().values()} == {"healthy"}
            assert first.mails == backup.mails == []
            # Neither is its key used up.
            refuses = False
            assert isinstance(await end(sends, idempotency_key="k"), passpost.Receipt)

    run(scene())
    assert CODE not in caplog.text


@pytest.mark.parametrize("error", [KeyError(CODE), SystemExit(CODE), asyncio.CancelledError(CODE)])
@pytest.mark.parametrize("how", [_raise, _raises_inside])
def test_a_defect_before_a_send_rejects_it(
    how: Callable[[BaseException], Any], error: BaseException
) -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, extensions=[extension(lambda: how(error))]) as sends:
            result = await end(sends)
        expected = f"the extension `Extension` failed before the send: {type(error).__name__}"
        assert expected in str(result)
        assert CODE not in str(result)
        assert (result.outcome, first.mails) == ("rejected", [])

    run(scene())


def test_what_is_no_context_is_told_in_words() -> None:
    @contextmanager
    def around_delivery() -> Iterator[None]:
        yield

    async def scene() -> None:
        async with mailer(Scripted("first"), extensions=[extension(around_delivery)]) as sends:
            result = await end(sends)
        assert "returned a synchronous context manager from around_delivery" in str(result)

    run(scene())


def test_a_defect_after_a_send_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise ValueError(CODE)

    async def scene() -> None:
        watcher, first = Watcher(), Scripted("first", None, rejected("recipient"))
        faulty = extension(around_delivery)
        async with mailer(first, extensions=[watcher, faulty, faulty]) as sends:
            assert isinstance(await end(sends), passpost.Receipt)
            assert str(await end(sends)) == "no: recipient"
        assert len(watcher.ends) == 2

    run(scene())
    assert "`Extension` failed after the email was accepted: ValueError" in caplog.text
    assert "`Extension` failed after the email had failed: ValueError" in caplog.text
    assert CODE not in caplog.text


def test_a_context_hides_no_failure_and_forges_no_receipt() -> None:
    @asynccontextmanager
    async def around_delivery(summary: passpost.DeliverySummary) -> AsyncIterator[None]:
        try:
            yield
        except passpost.SendError:
            summary.receipt = passpost.Receipt("forged")

    async def scene() -> None:
        first = Scripted("first", rejected("recipient"))
        async with mailer(first, extensions=[extension(around_delivery)]) as sends:
            assert str(await end(sends)) == "no: recipient"

    run(scene())


# The one deadline ---------------------------------------------------------------------------------


def test_a_context_that_hangs_before_a_send_rejects_it_at_the_deadline() -> None:
    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    async def scene() -> None:
        watcher, first = Watcher(), Scripted("first")
        extensions = [extension(around_delivery), watcher]
        loop = asyncio.get_running_loop()
        async with mailer(first, extensions=extensions, timeout=5) as sends:
            began = loop.time()
            result = await end(sends)
            assert loop.time() - began == pytest.approx(5)
        assert "before the extension `Extension` allowed it" in str(result)
        assert (result.outcome, result.temporary, first.mails) == ("rejected", True, [])
        assert watcher.ends == [result]

    run(scene())


def test_time_in_a_context_counts_towards_the_deadline() -> None:
    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        await asyncio.sleep(4)
        yield

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        first = Scripted("first", hanging(90))
        async with mailer(first, extensions=[extension(around_delivery)], timeout=5) as sends:
            began = loop.time()
            assert (await end(sends)).outcome == "unknown"
            assert loop.time() - began < 6

    run(scene())


def test_a_context_that_hangs_after_a_send_loses_no_receipt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    async def scene() -> None:
        watcher = Watcher()
        extensions = [watcher, extension(around_delivery)]
        async with mailer(Scripted("first"), extensions=extensions, timeout=5) as sends:
            assert isinstance(await end(sends), passpost.Receipt)
        assert len(watcher.ends) == 1

    run(scene())
    assert "the extension `Extension` did not end in time after a send" in caplog.text


def test_a_send_that_is_cancelled_before_it_begins_leaves_what_it_entered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    asked = asyncio.Event()

    @asynccontextmanager
    async def around_delivery() -> AsyncIterator[None]:
        asked.set()
        await asyncio.Event().wait()
        yield

    async def scene() -> None:
        watcher, first = Watcher(), Scripted("first")
        async with mailer(first, extensions=[extension(around_delivery), watcher]) as sends:
            sending = asyncio.ensure_future(sends.send(message()))
            await asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        assert watcher.log == ["send", "end"]
        assert first.mails == []

    run(scene())
    (record,) = [one for one in caplog.records if hasattr(one, "passpost")]
    facts: Any = vars(record)["passpost"]
    assert facts["outcome"] == "rejected"


# Ways to send -------------------------------------------------------------------------------------


def test_each_of_many_messages_is_a_send() -> None:
    async def scene() -> None:
        watcher = Watcher()
        async with mailer(Scripted("first"), extensions=[watcher]) as sends:
            receipts = [sent.receipt async for sent in sends.send_many([message()] * 50, limit=7)]
        assert len(watcher.ends) == 50
        assert set(map(id, watcher.ends)) == set(map(id, receipts))

    run(scene())


def test_extensions_of_several_hosts_are_entered_once_each() -> None:
    watcher = Watcher()

    def connector(name: str) -> passpost.Connector:
        host = passpost.Host([watcher], environ={})
        host.register(Scripted(name, DOWN if name == "first" else None))
        settings = {"templates": TEMPLATES, "fromEmail": "no-reply@example.com"}
        return host.configure(name, settings)

    async def scene() -> None:
        async with passpost.AsyncMailer(connector("first"), connector("backup")) as sends:
            await sends.send(message())

    run(scene())
    assert watcher.log == ["send", "first 1", "backup 2", "end"]


def test_contexts_are_entered_in_pluggys_order() -> None:
    order: list[str] = []

    def named(name: str, **options: Any) -> object:
        def around_delivery() -> AbstractAsyncContextManager[None] | None:
            order.append(name)
            return None

        class Extension:
            hook = staticmethod(
                passpost.hookimpl(specname="around_delivery", **options)(around_delivery)
            )

        return Extension()

    async def scene() -> None:
        extensions = [named("early", tryfirst=True), named("one"), named("two")]
        async with mailer(Scripted("first"), extensions=extensions) as sends:
            await sends.send(message())

    run(scene())
    assert order == ["early", "two", "one"]


def test_a_blocking_mailer_sends_in_the_callers_context() -> None:
    current = contextvars.ContextVar("current", default="none")
    seen: list[str] = []

    def around_delivery() -> None:
        seen.append(current.get())

    host = passpost.Host([extension(around_delivery)], environ={})
    host.register(Scripted("first"))
    connector = host.configure("first", {"templates": TEMPLATES, "fromEmail": "a@example.com"})
    current.set("the caller")
    with passpost.Mailer(connector) as sends:
        sends.send(message())
        assert len(list(sends.send_many([message()] * 3))) == 3
    assert seen == ["the caller"] * 4


def test_an_attempt_says_how_long_it_took_and_what_it_came_to() -> None:
    async def scene() -> None:
        throttled = rejected("provider", temporary=True, retry_after=3, provider_code="421")

        async def slowly(_mail: passpost.Mail) -> None:
            await asyncio.sleep(2)
            raise throttled

        # A mailer's loop and the clock of the process are one, but for virtual time.
        with mock.patch("time.monotonic", asyncio.get_running_loop().time):
            async with mailer(Scripted("first", slowly), Scripted("backup")) as sends:
                first, last = (await sends.send(message())).attempts
        assert first.seconds == pytest.approx(2)
        assert (first.scope, first.temporary) == ("provider", True)
        assert (first.retry_after, first.provider_code) == (3, "421")
        assert (last.scope, last.temporary, last.retry_after, last.provider_code) == (None,) * 4

    run(scene())
