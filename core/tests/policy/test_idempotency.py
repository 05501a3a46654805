"""One idempotency key, one email, at the mailer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import VirtualClock, run

import passpost
from passpost._stores import Stores
from passpost._stores.idempotency import MemoryIdempotency
from passpost._stores.sqlite import SqliteIdempotency


def once(*connectors: Scripted, store: Any = None, **policy: Any) -> passpost.AsyncMailer:
    store = store or MemoryIdempotency(VirtualClock())
    return mailer(*connectors, stores=Stores(idempotency=store, secret=b"s"), **policy)


ONE = message(idempotency_key="one")


def test_a_repetition_gets_the_same_receipt() -> None:
    async def scene() -> None:
        first = Scripted("first")
        async with once(first, recipient_cooldowns={"*": 60}) as sends:
            receipt = await sends.send(ONE)
            again = await sends.send(ONE)
            assert again.replayed
            assert not receipt.replayed
            assert (again.message_id, again.provider_id) == (receipt.message_id, "first-1")
            with pytest.raises(passpost.MessageError) as caught:
                await sends.send(
                    passpost.Message(ONE.to, "SignIn", {"code": "1"}, idempotency_key="one")
                )
            assert caught.value.field == "idempotency_key"
        assert len(first.mails) == 1

    run(scene())


def test_callers_at_the_same_time_share_one_email() -> None:
    async def scene() -> None:
        first = Scripted("first", hanging(3))
        async with once(first) as sends:
            receipts = await asyncio.gather(*(sends.send(ONE) for _ in range(16)))
        assert len(first.mails) == 1
        assert [receipt.replayed for receipt in receipts].count(False) == 1

    run(scene())


@pytest.mark.parametrize(
    ("answer", "again"), [(rejected("recipient"), "first"), (unknown(), "unknown network")]
)
def test_a_rejection_frees_the_key_and_a_doubt_keeps_it(answer: Any, again: str) -> None:
    async def scene() -> None:
        first = Scripted("first", answer)
        async with once(first) as sends:
            await outcome(sends.send(ONE))
            assert await outcome(sends.send(ONE)) == again
            await asyncio.sleep(86_400)
            assert await outcome(sends.send(ONE)) == "first"

    run(scene())


def test_a_cancelled_send_stays_in_doubt() -> None:
    async def scene() -> None:
        first = Scripted("first", hanging(10))
        async with once(first) as sends:
            task = asyncio.create_task(sends.send(ONE))
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert await outcome(sends.send(ONE)) == "unknown provider"
        assert len(first.mails) == 1

    run(scene())


def test_two_mailers_share_a_file(tmp_path: Path) -> None:
    async def scene() -> None:
        first, other = Scripted("first"), Scripted("other")
        stores = [SqliteIdempotency(tmp_path / "sends.db") for _ in range(2)]
        async with once(first, store=stores[0]) as one, once(other, store=stores[1]) as two:
            results = await asyncio.gather(
                *(outcome(sends.send(ONE)) for sends in (one, two) for _ in range(4))
            )
        assert len(first.mails) + len(other.mails) == 1
        assert len(set(results)) == 1
        for store in stores:
            store.close()

    asyncio.run(scene())
