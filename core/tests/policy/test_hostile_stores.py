"""Stores that hang, lie or are shared by threads, and sends that are cancelled meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected
from virtual_time import VirtualClock, run

import passpost
from passpost._delivery.notes import nothing_was_sent
from passpost._stores import Stores
from passpost._stores.common import StoreError
from passpost._stores.cooldown import MemoryCooldowns
from passpost._stores.idempotency import Begun, Ended, MemoryIdempotency, _Entry
from passpost._stores.rate import MemoryRateLimiter, Rate
from passpost._stores.sqlite import SqliteIdempotency

ONE = message(idempotency_key="one")


class Late:
    """Stores whose replies are late, or whose ends take their time.

    Args:
        begin: Seconds from what they do to their reply.
        end: Seconds that the end of a send takes.
    """

    def __init__(self, begin: float = 0.0, end: float = 0.0) -> None:
        self.sends = MemoryIdempotency(VirtualClock())
        self.people = MemoryCooldowns(VirtualClock())
        self.late = begin
        self.slow = end

    async def begin(self, key: str, *args: Any, **named: Any) -> Any:
        store: Any = self.people if "owner" in named else self.sends
        begun = await store.begin(key, *args, **named)
        await asyncio.sleep(self.late)
        return begun

    async def give_back(self, key: str, *, owner: str) -> None:
        await asyncio.sleep(self.slow)
        await self.people.give_back(key, owner=owner)

    async def finish(self, *args: Any) -> None:
        await asyncio.sleep(self.slow)
        await self.sends.finish(*args)

    async def forget(self, *args: Any) -> None:
        await asyncio.sleep(self.slow)
        await self.sends.forget(*args)


class Lying:
    """Stores that reply with whatever they were given."""

    def __init__(self, reply: object) -> None:
        self.reply = reply

    async def begin(self, *_: Any, **__: Any) -> Any:
        return self.reply

    take = begin
    give_back = finish = forget = begin


# A reply that comes too late --------------------------------------------------------------------


def test_a_cooldown_whose_begin_was_not_heard_is_given_back() -> None:
    async def scene() -> None:
        store = Late(begin=30)
        stores = Stores(cooldowns=store)
        async with mailer(
            Scripted("first"), timeout=1, recipient_cooldowns={"*": 3_600}, stores=stores
        ) as sends:
            assert await outcome(sends.send(message())) == "rejected provider"
            sending = asyncio.create_task(sends.send(message()))
            await asyncio.sleep(0.5)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            assert nothing_was_sent(caught.value)
            await asyncio.sleep(1)
            store.late = 0
            assert await outcome(sends.send(message())) == "first"

    run(scene())


def test_a_cooldown_that_is_not_heard_of_counts_where_emails_are_sent_all_the_same() -> None:
    async def scene() -> None:
        stores = Stores(cooldowns=Late(begin=30), on_failure="send")
        first = Scripted("first", rejected("recipient"))
        async with mailer(
            first, timeout=1, recipient_cooldowns={"*": 3_600}, stores=stores
        ) as sends:
            await outcome(sends.send(message()))
            await asyncio.sleep(1)
            assert not stores.cooldowns.people._begun  # type: ignore[union-attr]

    run(scene())


# Cancelled before an email or after it -----------------------------------------------------------


@pytest.mark.parametrize("store", [Late(begin=5), Late(end=5)])
def test_a_send_that_sent_nothing_says_so_also_where_a_store_was_interrupted(store: Late) -> None:
    async def scene() -> None:
        first = Scripted("first", rejected("recipient"))
        stores = Stores(idempotency=store, cooldowns=store)
        async with mailer(first, recipient_cooldowns={"*": 60}, stores=stores) as sends:
            sending = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(0.1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            assert nothing_was_sent(caught.value)

    run(scene())


def test_a_send_that_was_accepted_is_never_said_to_be_unsent() -> None:
    async def scene() -> None:
        async with mailer(Scripted("first"), stores=Stores(idempotency=Late(end=5))) as sends:
            sending = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(0.1)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            assert not nothing_was_sent(caught.value)

    run(scene())


@pytest.mark.parametrize("on_failure", ["reject", "send"])
def test_a_store_that_fails_while_another_sends_makes_no_second_email(on_failure: Any) -> None:
    class Failing(Late):
        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        async def begin(self, *args: Any, **named: Any) -> Any:
            self.asked += 1
            if 2 < self.asked < 6:
                raise ConnectionResetError
            return await super().begin(*args, **named)

    async def scene() -> None:
        first = Scripted("first", hanging(5))
        stores = Stores(idempotency=Failing(), on_failure=on_failure)
        async with mailer(first, stores=stores) as sends:
            one = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(0.1)
            two = await sends.send(ONE)
            assert two.replayed
            assert two.message_id == (await one).message_id
        assert len(first.mails) == 1

    run(scene())


def test_a_send_that_waits_for_another_is_in_doubt() -> None:
    async def scene() -> None:
        first = Scripted("first", hanging(5))
        async with mailer(first, stores=Stores(idempotency=Late())) as sends:
            one = asyncio.create_task(sends.send(ONE))
            two = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(1)
            two.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await two
            # The email of its key may have been sent, though not by it.
            assert not nothing_was_sent(caught.value)
            await one

    run(scene())


def test_a_store_that_does_not_close_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Hanging(Lying):
        async def aclose(self) -> None:
            await asyncio.sleep(3_600)

    async def scene() -> None:
        async with asyncio.timeout(60):
            async with mailer(Scripted("first"), stores=Stores(rates=Hanging(0.0))) as sends:
                await sends.send(message())

    run(scene())
    assert "a store was not closed" in caplog.text


# Lies -------------------------------------------------------------------------------------------

NONSENSE = [None, "5", float("nan"), -5, [], object(), 10**400]


@pytest.mark.parametrize("reply", NONSENSE)
@pytest.mark.parametrize("store", ["idempotency", "rates", "cooldowns"])
def test_a_reply_that_makes_no_sense_rejects_the_email(store: str, reply: object) -> None:
    async def scene() -> None:
        stores = Stores(**{store: Lying(reply)})  # type: ignore[arg-type]
        first = Scripted("first")
        rates = {"first": Rate(1, 1)}
        async with mailer(
            first, timeout=2, recipient_cooldowns={"*": 60}, rates=rates, stores=stores
        ) as sends:
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(ONE)
        assert (caught.value.outcome, caught.value.provider_code) == ("rejected", "passpost.store")
        assert not first.mails

    run(scene())


@pytest.mark.parametrize(
    "record",
    [
        5, {}, {"outcome": "accepted"}, {"outcome": "unknown"},
        {"outcome": "unknown", "text": "no reply", "facts": {"of_a_later_version": 1}},
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_sends_nothing_again(record: Any) -> None:
    async def scene() -> None:
        first = Scripted("first")
        stores = Stores(idempotency=Lying(Ended(record)), on_failure="send")
        async with mailer(first, stores=stores) as sends:
            assert await outcome(sends.send(ONE)) == "unknown provider"
        assert not first.mails

    run(scene())


@pytest.mark.parametrize("text", ['{"outcome": "acc', "[]", "5"])
def test_a_file_that_is_damaged_sends_nothing_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sends.sqlite"

    async def sent(first: Scripted) -> str:
        stores = Stores(idempotency=SqliteIdempotency(file), secret=b"s", on_failure="send")
        async with mailer(first, stores=stores) as sends:
            return await outcome(sends.send(ONE))

    first = Scripted("first")
    assert asyncio.run(sent(first)) == "first"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE passpost_sends SET record = ?", (text,))
    assert asyncio.run(sent(first)) == "unknown provider"
    assert len(first.mails) == 1


# Shared -----------------------------------------------------------------------------------------


def test_one_of_many_threads_begins_a_send(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryIdempotency(VirtualClock())
    everyone = threading.Barrier(2)
    begun: list[object] = []

    def entry(*columns: Any) -> _Entry:
        # Both are here at the same time, if they may.
        with suppress(threading.BrokenBarrierError):
            everyone.wait(timeout=0.2)
        return _Entry(*columns)

    monkeypatch.setattr("passpost._stores.idempotency._Entry", entry)

    def work() -> None:
        begun.append(run(store.begin("key", "content", running=10, kept=100)))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Begun) for one in begun) == 1


@pytest.mark.parametrize("order", [("3/min", "1/min"), ("1/min", "3/min")])
def test_two_rates_of_one_name_are_both_kept(order: tuple[str, str]) -> None:
    async def scene() -> None:
        limiter = MemoryRateLimiter(VirtualClock())
        rates = [Rate.from_setting(text) for text in order]
        taken = [await limiter.take("first", rate) for rate in rates * 5]
        assert taken.count(0.0) <= 3
        assert all([await limiter.take("first", rate) for rate in rates])

    run(scene())


def test_a_class_derived_from_a_store_in_memory_is_asked_itself() -> None:
    asked: list[str] = []

    class Places(MemoryRateLimiter):
        async def take(self, name: str, rate: Rate) -> float:
            asked.append("take")
            return await super().take(name, rate)

    class People(MemoryCooldowns):
        async def begin(self, key: str, seconds: float, *, owner: str) -> float:
            asked.append("begin")
            return await super().begin(key, seconds, owner=owner)

    async def scene() -> None:
        clock = VirtualClock()
        stores = Stores(rates=Places(clock), cooldowns=People(clock))
        rates = {"first": Rate(1, 1)}
        async with mailer(
            Scripted("first"), rates=rates, recipient_cooldowns={"*": 9}, stores=stores
        ) as sends:
            await sends.send(message())

    run(scene())
    assert asked == ["begin", "take"]


def test_a_commit_that_fails_leaves_the_file_usable(tmp_path: Path) -> None:
    store = SqliteIdempotency(tmp_path / "sends.sqlite")
    store._file.transact_now(lambda _: None)
    (connection,) = store._file._connections.values()
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE child (id REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store._file.transact_now(lambda found: found.execute("INSERT INTO child VALUES (1)"))
    began = asyncio.run(store.begin("key", "content", running=60, kept=60))
    assert isinstance(began, Begun)
