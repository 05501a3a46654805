"""Many messages through one mailer: bounded, in order of completion, each result once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

import passpost

from .conftest import Recorder

pytestmark = pytest.mark.anyio

ONE = passpost.Policy(attempts=1)


def messages(count: int) -> list[passpost.Message]:
    return [
        passpost.Message(f"user{number}@example.com", "SignIn", {"code": "1"})
        for number in range(count)
    ]


def reject_odd(mail: passpost.Mail) -> passpost.Receipt:
    if int(mail.to.address.partition("@")[0].removeprefix("user")) % 2:
        raise passpost.SendError("no", outcome="rejected", scope="recipient")
    return passpost.Receipt("id")


async def test_each_message_has_one_result(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    recorder.behave = reject_odd
    wanted = messages(50)
    async with passpost.AsyncMailer(connector, policy=ONE) as mailer:
        results = [sent async for sent in mailer.send_many(wanted, limit=7)]
    assert {id(sent.message) for sent in results} == {id(message) for message in wanted}
    assert sum(sent.receipt is not None for sent in results) == 25
    assert all((sent.receipt is None) is (sent.error is not None) for sent in results)


async def test_no_more_is_read_than_is_sent_at_a_time(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    gate = asyncio.Event()
    read: list[int] = []

    def endless() -> Iterator[passpost.Message]:
        for number, message in enumerate(messages(1_000)):
            read.append(number)
            yield message

    async def wait() -> passpost.Receipt:
        await gate.wait()
        return passpost.Receipt("id")

    recorder.behave = lambda _mail: wait()
    async with passpost.AsyncMailer(connector) as mailer:
        async with aclosing(mailer.send_many(endless(), limit=5)) as results:
            first = asyncio.ensure_future(anext(results))
            # As many turns of the loop as a sixth would need many times over.
            for _ in range(200):
                await asyncio.sleep(0)
            assert len(read) == len(recorder.mails) == 5
            gate.set()
            assert (await first).receipt is not None
        # Leaving early waits for what was under way, and begins nothing more.
        assert len(recorder.mails) == len(read) <= 10


async def test_an_input_that_waits_holds_up_no_result(connector: passpost.Connector) -> None:
    release = asyncio.Event()

    async def slowly() -> AsyncIterator[passpost.Message]:
        first, second = messages(2)
        yield first
        await release.wait()
        yield second

    async with (
        passpost.AsyncMailer(connector) as mailer,
        aclosing(mailer.send_many(slowly())) as results,
    ):
        assert (await anext(results)).receipt is not None
        release.set()
        assert (await anext(results)).receipt is not None
        with pytest.raises(StopAsyncIteration):
            await anext(results)


async def test_what_is_no_message_ends_it(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    wrong = [*messages(3), "ada@example.com"]
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(TypeError, match="send requires a passpost"):
            async for _ in mailer.send_many(wrong):  # type: ignore[arg-type]  # on purpose
                pass
    assert len(recorder.mails) == 3


@pytest.mark.parametrize("limit", [0, -1, True, 2.0, "3"])
async def test_a_limit_is_a_whole_number(connector: passpost.Connector, limit: int) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(ValueError, match="whole number"):
            await anext(mailer.send_many([], limit=limit))


async def test_of_nothing_comes_nothing(connector: passpost.Connector) -> None:
    async with passpost.AsyncMailer(connector) as mailer:
        assert [sent async for sent in mailer.send_many([])] == []


def test_blocking_code_reads_its_input_in_its_own_thread(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    recorder.behave = reject_odd
    threads: set[int] = set()

    def read() -> Iterator[passpost.Message]:
        for message in messages(30):
            threads.add(threading.get_ident())
            yield message

    with passpost.Mailer(connector, policy=ONE) as mailer:
        results = list(mailer.send_many(read(), limit=4))
        assert list(mailer.send_many([])) == []
    assert threads == {threading.get_ident()}
    assert len({sent.message.to.address for sent in results}) == 30
    assert sum(sent.error is not None for sent in results) == 15


def test_blocking_code_may_stop_early(connector: passpost.Connector, recorder: Recorder) -> None:
    with passpost.Mailer(connector) as mailer:
        for _sent in mailer.send_many(iter(messages(1_000)), limit=3):
            break
        assert len(recorder.mails) <= 6


def test_a_closed_mailer_says_so(connector: passpost.Connector) -> None:
    mailer = passpost.Mailer(connector)
    mailer.close()
    with pytest.raises(passpost.MailerClosedError):
        list(mailer.send_many(messages(2)))


def broken() -> Iterator[passpost.Message]:
    yield from messages(30)
    raise OSError("the file is gone")


async def broken_stream() -> AsyncIterator[passpost.Message]:
    for message in broken():
        yield message


async def collect(source: AsyncIterator[passpost.Sent], results: list[passpost.Sent]) -> None:
    async for sent in source:
        results.append(sent)  # noqa: PERF401 - what came before the error counts


@pytest.mark.parametrize("make", [broken, broken_stream])
async def test_an_input_that_raises_costs_no_result(
    connector: passpost.Connector, make: Callable[[], Any]
) -> None:
    results: list[passpost.Sent] = []
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(OSError, match="the file is gone"):
            await collect(mailer.send_many(make(), limit=7), results)
    assert len({sent.message.to.address for sent in results}) == 30


def test_an_input_of_blocking_code_that_raises_costs_no_result(
    connector: passpost.Connector,
) -> None:
    results: list[passpost.Sent] = []
    with passpost.Mailer(connector) as mailer, pytest.raises(OSError, match="the file is gone"):
        results.extend(mailer.send_many(broken(), limit=7))
    assert len({sent.message.to.address for sent in results}) == 30


async def test_what_is_no_message_costs_no_result(connector: passpost.Connector) -> None:
    wrong: Any = [*messages(3), "ada@example.com", *messages(2)]
    results: list[passpost.Sent] = []
    async with passpost.AsyncMailer(connector) as mailer:
        with pytest.raises(TypeError, match="send requires a passpost"):
            await collect(mailer.send_many(wrong, limit=4), results)
    assert len(results) == 3


async def test_leaving_early_leaves_an_input_that_can_be_closed(
    connector: passpost.Connector,
) -> None:
    async def endless() -> AsyncIterator[passpost.Message]:
        yield messages(1)[0]
        await asyncio.Event().wait()

    source = endless()
    async with passpost.AsyncMailer(connector) as mailer:
        async with aclosing(mailer.send_many(source)) as results:
            await anext(results)
        with pytest.raises(StopAsyncIteration):
            await anext(source)


def test_a_slow_input_holds_no_message_up(
    connector: passpost.Connector, recorder: Recorder
) -> None:
    arrived = threading.Event()

    def note(_mail: passpost.Mail) -> passpost.Receipt:
        arrived.set()
        return passpost.Receipt("id")

    def slowly() -> Iterator[passpost.Message]:
        first, second = messages(2)
        yield first
        assert arrived.wait(30)
        yield second

    recorder.behave = note
    with passpost.Mailer(connector) as mailer:
        assert len(list(mailer.send_many(slowly()))) == 2
