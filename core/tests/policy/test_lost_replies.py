"""Replies of an idempotency store that are lost: nothing was sent, and the key is free again."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, mailer, message, outcome, rejected
from virtual_time import VirtualClock, run

import passpost
from passpost._stores import Stores
from passpost._stores.idempotency import Begun, MemoryIdempotency
from passpost._stores.sqlite import SqliteIdempotency

ONE = message(idempotency_key="one")


class Lossy(MemoryIdempotency):
    """A store whose first reply is lost after it did what it was asked.

    Args:
        loses: Raises, or waits for ever.
        down: How many more operations fail without being done.
    """

    def __init__(self, loses: Any, down: int = 0) -> None:
        super().__init__(VirtualClock())
        self.loses = loses
        self.down = down

    async def begin(self, *args: Any, **named: Any) -> Any:
        begun = await super().begin(*args, **named)
        if self.loses is not None:
            loses, self.loses = self.loses, None
            await loses()
        return begun

    async def forget(self, *args: Any) -> None:
        if self.down:
            self.down -= 1
            raise ConnectionRefusedError
        await super().forget(*args)


async def breaks() -> None:
    raise ConnectionResetError


async def hangs() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("loses", [breaks, hangs])
@pytest.mark.parametrize("down", [0, 2])
def test_a_send_that_was_not_made_frees_its_key(loses: Any, down: int) -> None:
    async def scene() -> None:
        first = Scripted("first")
        stores = Stores(idempotency=Lossy(loses, down))
        async with mailer(first, timeout=5, stores=stores) as sends:
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(ONE)
            assert (caught.value.outcome, caught.value.provider_code) == (
                "rejected",
                "passpost.store",
            )
            await asyncio.sleep(4)
            assert await outcome(sends.send(ONE)) == "first"

    run(scene())


def test_a_send_that_was_cancelled_frees_its_key() -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, stores=Stores(idempotency=Lossy(hangs))) as sends:
            sending = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(1)
            sending.cancel()
            await asyncio.wait([sending])
            assert await outcome(sends.send(ONE)) == "first"

    run(scene())


@pytest.mark.parametrize("answer", [None, rejected("recipient")])
def test_a_send_that_was_made_without_the_store_is_noted_if_it_can_be(answer: Any) -> None:
    async def scene() -> None:
        first = Scripted("first", answer)
        stores = Stores(idempotency=Lossy(breaks), on_failure="send")
        async with mailer(first, stores=stores) as sends:
            await outcome(sends.send(ONE))
            await asyncio.sleep(1)
            again = await sends.send(ONE)
            assert again.replayed == (answer is None)
        assert len(first.mails) == (1 if answer is None else 2)

    run(scene())


def test_a_store_that_stays_down_holds_no_mailer_open() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with mailer(
            Scripted("first"), stores=Stores(idempotency=Lossy(breaks, down=99))
        ) as sends:
            await outcome(sends.send(ONE))
            began = loop.time()
        assert loop.time() - began < 5

    run(scene())


def test_a_store_that_makes_its_own_tokens_still_serves() -> None:
    class Older(MemoryIdempotency):
        async def begin(  # type: ignore[override]  # as it was before
            self, key: str, fingerprint: str, *, running: float, kept: float
        ) -> Any:
            return await super().begin(key, fingerprint, running=running, kept=kept)

    async def scene() -> None:
        first = Scripted("first")
        older: Any = Older(VirtualClock())
        async with mailer(first, stores=Stores(idempotency=older)) as sends:
            assert await outcome(sends.send(ONE)) == "first"
            assert (await sends.send(ONE)).replayed

    run(scene())


def test_a_file_begins_nothing_for_a_caller_that_gave_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteIdempotency(tmp_path / "sends.sqlite")
    work, entered, left = store._file.transact_now, threading.Event(), threading.Event()

    def watched(*args: Any) -> Any:
        entered.set()
        try:
            return work(*args)
        finally:
            left.set()

    async def scene() -> None:
        with store._file._lock.here(), monkeypatch.context() as patched:
            patched.setattr(store._file, "transact_now", watched)
            begin = store.begin("key", "f", running=60, kept=60, token="own")
            beginning = asyncio.create_task(begin)
            await asyncio.to_thread(entered.wait)
            # It waits for the lock by now, or will.
            beginning.cancel()
            await asyncio.wait([beginning])
        await asyncio.to_thread(left.wait)
        assert await store.begin("key", "f", running=60, kept=60, token="new") == Begun("new")

    asyncio.run(scene())
    store.close()
