"""Whatever brokers, operators and folders of keys bring, it harms no other email."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from passpost import Message, MessageError
from passpost.stores import StoreError
from passpost_outbox import AsyncOutbox, Claim, Keys, Record, Sweeper, Worker
from passpost_outbox.claimed import ClaimedEmails
from passpost_outbox.postgres import PostgresStore
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram

FORGED = ["x" * 1_000_000, "", "a\nERROR forged", "\0", "\ud800", 7, None, b"id", {"a": 1}, ["id"]]


def message(address: str = "ada@example.com") -> Message:
    return Message(address, "SignIn", {"code": "493817"})


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110 - there is nothing to wait for but the store
        await asyncio.sleep(0)


def edit(bench: Any, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(bench.path)) as connection, connection:
        connection.execute(sql)


@pytest.mark.parametrize("forged", FORGED, ids=lambda one: type(one).__name__)
def test_a_forged_id_sends_nothing_and_is_not_repeated(
    bench: Any, forged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            await outbox.enqueue(message())
            assert await bench.worker(mailer).work(forged) is None
            assert await outbox.status(forged) is None
            assert await outbox.retry(forged) is False
            assert bench.provider.mails == []

    asyncio.run(check())
    assert "not the ID" in caplog.text
    assert "forged" not in caplog.text
    assert len(caplog.text) < 1000


def test_a_row_that_an_operator_queued_holds_nobody_up(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            worker = bench.worker(mailer)
            first = await outbox.enqueue(message())
            assert await worker.drain() == 1
            edit(bench, "UPDATE outbox SET state = 'queued', finished_at = NULL")
            await outbox.enqueue(message("bob@example.com"))
            assert await worker.drain() == 1
            # It was sent, so it is not sent again, and is purged in time.
            assert (await outbox.status(first.id)).state == "accepted"
            assert await outbox.counts() == {"accepted": 2}
            assert await bench.store.purge(age=-1000) == 2

    asyncio.run(check())
    assert len(bench.provider.mails) == 2


def test_a_deadline_that_an_operator_edited_holds_nobody_up(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox(lifetime=60) as outbox, bench.mailer() as mailer:
            worker = bench.worker(mailer)
            late = await outbox.enqueue(message())
            bench.seconds += 61
            # The body is bound to the deadline that the record has.
            edit(bench, "UPDATE outbox SET deadline = deadline + 3600000")
            good = await outbox.enqueue(message("bob@example.com"))
            assert await worker.drain() == 1
            assert (await outbox.status(good.id)).state == "accepted"
            await Sweeper(bench.store, every=5, keep=600).sweep()
            assert (await outbox.status(late.id)).state == "expired"

    asyncio.run(check())


def test_an_email_that_an_operator_made_overdue_is_put_back(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox(lifetime=60) as outbox, bench.mailer() as mailer:
            await outbox.enqueue(message())
            edit(bench, "UPDATE outbox SET deadline = 1")
            assert await bench.worker(mailer).drain() == 1
            assert await outbox.counts() == {"accepted": 1}

    asyncio.run(check())


def test_a_row_that_an_operator_queued_holds_nobody_up_in_postgresql(
    bench: Any, postgres: Any, postgres_url: str
) -> None:
    async def check() -> None:
        store = PostgresStore(postgres_url)
        schema = re.findall(r"test_\d+", postgres_url)[0]
        async with (
            AsyncOutbox(store, bench.keys, secret=b"s" * 16) as outbox,
            bench.mailer() as mailer,
        ):
            worker = Worker(store, bench.keys, mailer)
            await outbox.enqueue(message())
            assert await worker.drain() == 1
            sql = f"UPDATE {schema}.passpost_outbox SET state = 'queued', finished_at = NULL"  # noqa: S608 - of this test's own schema
            postgres.execute(sql)
            await outbox.enqueue(message("bob@example.com"))
            assert await worker.drain() == 1
            assert await outbox.counts() == {"accepted": 2}

    asyncio.run(check())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outbox SET record = '{'",
        "UPDATE outbox SET record = '[]'",
        "UPDATE outbox SET record = json_set(record, '$.deadline', 'canary')",
        "UPDATE outbox SET record = json_set(record, '$.result', 'canary')",
        "UPDATE outbox SET record = json_set(record, '$.state', 'canary')",
        "UPDATE outbox SET record = json_set(record, '$.id', 'canary')",
        "UPDATE outbox SET record = json_set(record, '$.shown', 7)",
    ],
)
def test_a_damaged_record_ends_no_worker(
    bench: Any, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            edit(bench, change)
            with pytest.raises(StoreError, match="damaged"):
                await outbox.status(ticket.id)
            assert not await outbox.retry(ticket.id)
            other = await outbox.enqueue(message("bob@example.com"))
            async with bench.worker(mailer, poll=0.01):
                assert (await other.wait(60)).state == "accepted"
            assert await outbox.counts() == {"accepted": 1, "unreadable": 1}
            assert caplog.text.count(f"{ticket.id} is damaged") == 1

    asyncio.run(check())
    assert "canary" not in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "00000000{", "00000000{}", "00000000[]"])
def test_a_damaged_record_ends_no_worker_of_redis(
    server: RedisProgram, bench: Any, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def check() -> None:
        bench.store = RedisStore(server.url)
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            with server.client() as client:
                client.set(f"passpost:{{outbox}}:record:{ticket.id}", text)
            newer = ("ada@example.com", "SignIn")
            other = await outbox.enqueue(message(), supersedes=newer)
            assert await bench.worker(mailer).drain() == 1
            assert (await other.wait(0)).state == "accepted"
            assert await outbox.counts() == {"accepted": 1, "unreadable": 1}
            assert caplog.text.count(f"{ticket.id} is damaged") == 1
            assert await bench.store.purge(age=-1) == 2
            assert await outbox.counts() == {}

    asyncio.run(check())


def test_an_email_that_a_newer_version_sends_is_left_to_it(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            await bench.store.apply(ticket.id, Claim("newer", 60_000))
            edit(bench, "UPDATE outbox SET record = json_set(record, '$.state', 'held')")
            # An engine brought its ID twice.
            assert await bench.worker(mailer).work(ticket.id) is None
            assert await outbox.counts() == {"sending": 1}

    asyncio.run(check())


def test_a_date_that_nobody_can_have_is_damage(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            edit(
                bench,
                "UPDATE outbox SET record = "
                "json_set(record, '$.date', 1000000000000000000, '$.resent', json('true'))",
            )
            assert await bench.worker(mailer, on_unknown="resend").work(ticket.id) == "unknown"
            assert (await outbox.status(ticket.id)).reason == "damaged"
            assert bench.provider.mails == []

    asyncio.run(check())


def test_a_defect_of_one_email_cancels_no_other(
    bench: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = ClaimedEmails.send

    async def broken(self: ClaimedEmails, change: Any, asked: Any) -> Any:
        if change.record.shown.startswith("a"):
            raise RuntimeError("canary")
        return await send(self, change, asked)

    monkeypatch.setattr(ClaimedEmails, "send", broken)

    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            await outbox.enqueue(message())
            other = await outbox.enqueue(message("bob@example.com"))
            async with bench.worker(mailer, poll=0.01):
                assert (await other.wait(60)).state == "accepted"

    asyncio.run(check())
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text


def keys(folder: Path, name: str, content: str | None = None) -> None:
    (folder / f"{name}.key").write_text(os.urandom(32).hex() if content is None else content)


def test_requests_go_on_while_the_name_of_the_key_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys(tmp_path, "old")
    (tmp_path / "use").write_text("old")
    found = Keys.from_folder(tmp_path)
    for broken in ("", "new"):
        (tmp_path / "use").write_text(broken)
        assert found.current()[0] == "old"
    keys(tmp_path, "new", "ab" * 8)
    assert found.current()[0] == "old"
    keys(tmp_path, "new")
    assert found.current()[0] == "new"
    assert "the key old is used on" in caplog.text


def test_a_worker_waits_for_a_key_that_is_half_written(bench: Any, tmp_path: Path) -> None:
    async def check() -> None:
        folder = tmp_path / "keys"
        folder.mkdir()
        keys(folder, "new")
        (folder / "use").write_text("new")
        whole = (folder / "new.key").read_text()
        bench.keys = Keys.from_folder(folder)
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())

            async def claimed() -> bool:
                return bool((await outbox.status(ticket.id)).state != "queued")

            bench.keys = Keys.from_folder(folder)
            bench.keys._ciphers.clear()
            (folder / "new.key").write_text(whole[:20])
            worker = bench.worker(mailer)
            sending = asyncio.create_task(worker.work(ticket.id))
            await until(claimed)
            # Given back, by a worker that stops.
            worker.stop()
            assert await sending == "queued"
            other = asyncio.create_task(bench.worker(mailer).work(ticket.id))
            await until(claimed)
            (folder / "new.key").write_text(whole)
            assert await other == "accepted"

    asyncio.run(check())


def test_a_folder_that_cannot_be_read_is_told_from_a_missing_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(tmp_path, "old")
    (tmp_path / "use").write_text("old")
    found = Keys.from_folder(tmp_path)
    assert found.find("new") is None

    def denied(*_args: Any, **_options: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(StoreError, match=r"new\.key cannot be read"):
        found.find("new")
    monkeypatch.undo()
    gone = tmp_path.rename(tmp_path.with_name("gone"))
    with pytest.raises(StoreError, match=r"new\.key cannot be read"):
        found.find("new")
    gone.rename(tmp_path)


def test_a_context_of_any_depth_is_an_error_of_the_message(bench: Any) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    async def check() -> None:
        async with bench.outbox() as outbox:
            with pytest.raises(MessageError, match="JSON"):
                await outbox.enqueue(Message("ada@example.com", "SignIn", context={"x": deep}))

    asyncio.run(check())


def test_a_record_of_a_newer_version_is_read_and_keeps_what_it_added(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            edit(bench, "UPDATE outbox SET record = json_set(record, '$.later', 1)")
            assert await bench.worker(mailer).work(ticket.id) == "accepted"
            edit(bench, "UPDATE outbox SET record = json_set(record, '$.result.later', 1)")
            assert (await outbox.status(ticket.id)).state == "accepted"
            found = (await bench.store.get(ticket.id)).as_json()
            assert (found["later"], found["result"]["later"]) == (1, 1)

    asyncio.run(check())


FIRST = {
    "id": "first", "usage": "SignIn", "priority": 10, "queued_at": 1, "deadline": 2,
    "recipient": "r", "shown": "a…@example.com", "fingerprint": "f", "result": None,
}  # fmt: skip
"""A record as the first version wrote the least of it."""


def test_a_record_of_the_first_version_is_still_read() -> None:
    record = Record.from_json(json.loads(json.dumps(FIRST)))
    assert (record.id, record.state, record.result) == ("first", "queued", None)


def test_postgresql_logs_no_address_and_no_code(postgres: Any, postgres_url: str) -> None:
    async def check() -> None:
        store = PostgresStore(f"{postgres_url}%20-clog_statement%3Dall")
        keys = Keys({"a": b"k" * 32}, use="a")
        async with AsyncOutbox(store, keys, secret=b"s" * 16) as outbox:
            await outbox.enqueue(
                Message("canary@example.com", "SignIn", {"code": "canary-493817"}),
                supersedes=("canary@example.com", "SignIn"),
            )

    asyncio.run(check())
    log = postgres.log()
    assert "INSERT INTO passpost_outbox" in log
    assert "canary" not in log


def test_redis_has_no_address_and_no_code(server: RedisProgram, bench: Any) -> None:
    async def check() -> None:
        async with AsyncOutbox(RedisStore(server.url), bench.keys, secret=b"s" * 16) as outbox:
            await outbox.enqueue(message("canary@example.com"))

    asyncio.run(check())
    with server.client() as client:
        names = [str(name) for name in client.scan_iter()]
        assert names
        assert "canary" not in " ".join(names)


def test_a_thousand_tickets_wait_together(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            tickets = [await outbox.enqueue(message(f"a{one}@example.com")) for one in range(20)]
            waiting = asyncio.gather(*(ticket.wait(60) for ticket in tickets * 50))
            async with bench.worker(mailer, poll=0.01):
                states = {status.state for status in await waiting}
            assert states == {"accepted"}

    asyncio.run(check())
