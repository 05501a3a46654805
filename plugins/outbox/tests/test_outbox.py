"""What a web process does: it stores emails once, and asks what became of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest

from passpost import Message, MessageError
from passpost.stores import StoreError
from passpost_outbox import Keys, Outbox, Record, Ticket
from passpost_outbox import SqliteStore as Store

CANARIES = ("493817", "ada@example.com", "acme-canary")


def message(**parts: Any) -> Message:
    whole = {"to": "ada@example.com", "usage": "SignIn", "payload": {"code": "493817"}, **parts}
    return Message(**whole)


async def records(bench: Any) -> dict[str, Record]:
    return {record.id: record for record in await bench.store.list()}


def test_a_ticket_is_a_text_and_its_email_waits(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            ticket = await outbox.enqueue(message())
            status = await outbox.status(str(ticket))
            assert status == await ticket.wait(0)
            assert (status.id, status.state, status.is_final) == (ticket.id, "queued", False)
            assert (status.usage, status.recipient) == ("SignIn", "a…@example.com")
            assert (status.receipt, status.error) == (None, None)
            assert await outbox.status("unknown") is None
            assert await outbox.counts() == {"queued": 1}

    asyncio.run(check())


def test_a_ticket_waits_until_the_email_has_ended(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            waiting = asyncio.create_task(ticket.wait(60))
            await bench.worker(mailer).work(ticket.id)
            status = await waiting
            assert status.state == "accepted"

    asyncio.run(check())


def test_no_file_holds_a_code_or_an_address(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            await outbox.enqueue(message(idempotency_key="acme-canary"))
            content = b"".join(path.read_bytes() for path in bench.path.parent.iterdir())
            assert b"SignIn" in content, "the email is not on disk yet"
            assert [one for one in CANARIES if one.encode() in content] == []

    asyncio.run(check())


def test_a_key_returns_its_ticket_and_rejects_other_content(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            first = await outbox.enqueue(message(idempotency_key="acme-canary"))
            again = await outbox.enqueue(message(idempotency_key="acme-canary"))
            assert again == first
            for other in ({"payload": {"code": "000000"}}, {"usage": "Invite"}, {"locale": "de"}):
                with pytest.raises(MessageError, match="another email") as caught:
                    await outbox.enqueue(message(idempotency_key="acme-canary", **other))
                assert caught.value.field == "idempotency_key"
            elsewhere = await outbox.enqueue(
                message(idempotency_key="acme-canary", to="bob@example.com")
            )
            assert set(await records(bench)) == {first.id, elsewhere.id}

    asyncio.run(check())


def test_a_newer_code_expires_the_older_one(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            older = await outbox.enqueue(message(to="ada@EXAMPLE.com"))
            invite = await outbox.enqueue(message(usage="Invite"))
            newer = await outbox.enqueue(message(), supersedes=("ada@example.com", "SignIn"))
            states = {id_: record.state for id_, record in (await records(bench)).items()}
            assert states == {older.id: "expired", invite.id: "queued", newer.id: "queued"}
            status = await older.wait(60)
            assert (status.reason, status.error.outcome) == ("superseded", "rejected")
            with pytest.raises(MessageError):
                await outbox.enqueue(message(), supersedes=("no address", "SignIn"))

    asyncio.run(check())


def test_a_sign_in_code_comes_before_an_invitation(bench: Any) -> None:
    async def check() -> None:
        outbox = bench.outbox(priorities={"Urgent": 1, "SignIn": 2})
        for usage in ("Invite", "SignIn", "Urgent"):
            await outbox.enqueue(message(usage=usage))
        async with outbox, bench.mailer() as mailer:
            assert await bench.worker(mailer).drain() == 3
        assert [mail.usage for mail in bench.provider.mails] == ["Urgent", "SignIn", "Invite"]

    asyncio.run(check())


def test_a_deadline_is_on_the_clock_of_the_store(bench: Any) -> None:
    async def check() -> None:
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=90)
        async with bench.outbox(lifetime=300) as outbox:
            timed = await outbox.enqueue(message(deadline=soon))
            other = await outbox.enqueue(message())
            found = await records(bench)
            now = int(bench.seconds * 1000)
            assert now + 60_000 < found[timed.id].deadline <= now + 90_000
            assert now + 270_000 < found[other.id].deadline <= now + 300_000
            with pytest.raises(MessageError, match="deadline has passed"):
                await outbox.enqueue(message(deadline=soon - dt.timedelta(seconds=100)))

    asyncio.run(check())


def test_wrong_arguments_are_rejected(bench: Any) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Outbox(bench.store, bench.keys, secret=b"short")
    with pytest.raises(ValueError, match="lifetime"):
        bench.outbox(lifetime=0)
    for wrong_one in (1_000_001, -1_000_001, True, 10.0, "10"):
        with pytest.raises(ValueError, match=f"from -1000000 to 1000000, not {wrong_one!r}"):
            bench.outbox(priorities={"SignIn": wrong_one})
    wrong: Any = "text"
    with pytest.raises(TypeError, match=r"passpost\.Message, not a str"):
        asyncio.run(bench.outbox().enqueue(wrong))


def test_those_who_wait_for_a_locked_file_wait_no_longer_than_the_first(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            assert await outbox.counts() == {}
            with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                # Three transactions, if each of them waited for its turn.
                asked = (outbox.enqueue(message()) for _ in range(120))
                with monkeypatch.context() as patch:
                    patch.setattr("passpost_outbox.sqlite._PATIENCE", 0.1)
                    failures = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(one) for one in failures} == {StoreError}
                assert all("is busy" in str(one) for one in failures)
            # None had begun, so none is stored after all.
            assert await outbox.counts() == {}

    asyncio.run(check())


def test_the_blocking_outbox_serves_many_threads(bench: Any) -> None:
    tickets: list[Ticket] = []
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox:

        def work() -> None:
            tickets.extend(outbox.enqueue(message()) for _ in range(5))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({ticket.id for ticket in tickets}) == 20
        status = tickets[0].wait(0)
        assert status is not None
        assert status == outbox.status(str(tickets[0]))
        assert outbox.counts() == {"queued": 20}
        with pytest.raises(MessageError):
            outbox.enqueue(message(context={"x": object()}))


async def _enqueue_beside_a_loop(outbox: Outbox) -> None:
    assert outbox.enqueue(message()).id


def test_the_blocking_outbox_works_where_a_loop_runs(bench: Any) -> None:
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox:
        asyncio.run(_enqueue_beside_a_loop(outbox))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_has_an_outbox_of_its_own(bench: Any) -> None:
    keys = Keys({"a": b"k" * 32}, use="a")
    with Outbox(Store(bench.path), keys, secret=b"s" * 16) as outbox:
        outbox.enqueue(message())
        child = os.fork()
        if child == 0:
            # Nothing of pytest's may run in the child.
            try:
                outbox.enqueue(message())
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        outbox.enqueue(message())
        assert outbox.counts() == {"queued": 3}
