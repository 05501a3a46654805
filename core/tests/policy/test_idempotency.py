"""One idempotency key, one email, at the mailer."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import VirtualClock, run

import passpost
from passpost._stores import Stores
from passpost._stores.common import StoreError
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


def test_what_is_remembered_does_not_repeat_the_address() -> None:
    noted: list[Any] = []

    class Noting(MemoryIdempotency):
        async def finish(self, key: str, token: str, record: Any) -> None:
            noted.append(record)
            await super().finish(key, token, record)

    words = "250 2.1.5 <Ada@Example.com> ok"
    doubt = passpost.SendError(words, outcome="unknown", scope="network", response=words)

    async def scene() -> None:
        first = Scripted("first", lambda _mail: passpost.Receipt(response=words), doubt)
        async with once(first, store=Noting(VirtualClock())) as sends:
            await sends.send(ONE)
            assert (await sends.send(ONE)).response == "250 2.1.5 <a…@example.com> ok"
            await outcome(sends.send(message(idempotency_key="two")))

    run(scene())
    assert [record["outcome"] for record in noted] == ["accepted", "unknown"]
    assert "ada@" not in str(noted).lower()
    assert "a…@example.com" in str(noted[1])


def test_a_store_that_hangs_holds_no_receipt_back(caplog: pytest.LogCaptureFixture) -> None:
    class Hanging(MemoryIdempotency):
        async def finish(self, key: str, token: str, record: Any) -> None:
            await asyncio.Event().wait()

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        first = Scripted("first")
        async with once(first, store=Hanging(VirtualClock()), timeout=5) as sends:
            began = loop.time()
            assert await outcome(sends.send(ONE)) == "first"
            assert loop.time() - began <= 5.5
            assert await outcome(sends.send(ONE)) == "unknown provider"
        assert len(first.mails) == 1

    run(scene())
    assert "the idempotency store did not note how a send ended" in caplog.text


def test_a_store_says_what_is_wrong_with_it() -> None:
    class Down(MemoryIdempotency):
        async def begin(self, *args: Any, **named: Any) -> Any:
            raise StoreError("Acme at h:1 is down\x1b[2J", hint="Start it.")

    async def scene() -> None:
        async with once(Scripted("first"), store=Down(VirtualClock())) as sends:
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(ONE)
        assert str(caught.value) == r"the idempotency store failed: Acme at h:1 is down\x1b[2J"
        assert (caught.value.hint, caught.value.provider_code) == ("Start it.", "passpost.store")

    run(scene())


def test_a_file_that_is_locked_is_given_up_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The threads that wait for it end a while later.
    monkeypatch.setattr("passpost._stores.sqlite_file._PATIENCE", 1.0)

    async def scene() -> None:
        first = Scripted("first")
        store = SqliteIdempotency(tmp_path / "sends.db")
        async with once(first, store=store, timeout=0.5) as sends, asyncio.timeout(4):
            assert await outcome(sends.send(ONE)) == "first"
            with closing(sqlite3.connect(tmp_path / "sends.db", isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                keys = [message(idempotency_key=str(number)) for number in range(60)]
                found = await asyncio.gather(*(outcome(sends.send(key)) for key in keys))
                assert set(found) == {"rejected provider"}
        assert len(first.mails) == 1

    asyncio.run(scene())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        store = SqliteIdempotency(tmp_path / "none" / "sends.db")
        with pytest.raises(StoreError, match=r"none/sends[.]db: unable to open") as caught:
            await store.begin("key", "fingerprint", running=1, kept=1)
        assert caught.value.hint

    asyncio.run(scene())
