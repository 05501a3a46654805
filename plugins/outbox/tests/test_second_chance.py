"""What may be sent once more: an email in doubt, for those who ask for it, and one that expired."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from passpost import Message, SendError
from passpost.stores import StoreError
from passpost_outbox import Claim, Keys, Outbox, Sweeper


def message(**parts: Any) -> Message:
    whole = {"to": "ada@example.com", "usage": "SignIn", "payload": {"code": "493817"}, **parts}
    return Message(**whole)


class Vanished(Exception):  # noqa: N818 - what a worker does
    """The worker did not come to note what became of the email."""


def vanishing(bench: Any) -> Any:
    """Return a function that lets the store forget who sends, and gives `apply` back."""
    apply = bench.store.apply

    async def vanish(id_: str, event: Any) -> Any:
        if type(event).__name__ == "Finish":
            raise Vanished
        return await apply(id_, event)

    bench.store.apply = vanish
    return apply


@pytest.mark.parametrize("key", [None, "key"])
def test_an_email_of_a_vanished_worker_is_sent_once_more_as_it_was(
    bench: Any, key: str | None
) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message(idempotency_key=key))
            worker = bench.worker(mailer, on_unknown="resend")
            apply = vanishing(bench)
            with pytest.raises(Vanished):
                await worker.work(ticket.id)
            bench.store.apply = apply
            sweeper = Sweeper(bench.store, every=5, keep=60)
            bench.seconds += 61
            swept = await sweeper.sweep()
            assert swept is not None
            assert (swept.resent, swept.abandoned) == (1, 0)
            assert (await outbox.status(ticket.id)).state == "queued"
            assert await worker.work(ticket.id) == "accepted"

    asyncio.run(check())
    first, second = bench.provider.mails
    parts = ("message_id", "date", "to", "subject", "text", "html", "headers", "delivery_key")
    assert [getattr(first, part) for part in parts] == [getattr(second, part) for part in parts]
    assert second.seconds_left() > 0


def test_two_emails_do_not_share_a_message_id(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            for _ in range(2):
                await outbox.enqueue(message())
            assert await bench.worker(mailer, on_unknown="resend").drain() == 2

    asyncio.run(check())
    assert len({mail.message_id for mail in bench.provider.mails}) == 2


def unknown() -> Any:
    async def answer() -> None:
        raise SendError("away", outcome="unknown", scope="network")

    return answer


def test_an_outcome_that_nobody_knows_is_sent_once_more_and_no_more(bench: Any) -> None:
    async def check() -> None:
        bench.provider.answer = unknown()
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            assert await bench.worker(mailer, on_unknown="resend").drain() == 2
            assert (await outbox.status(ticket.id)).state == "unknown"
            assert await bench.store.body(ticket.id) is None

    asyncio.run(check())


@pytest.mark.parametrize("end", ["rejected", "overdue", "superseded"])
def test_an_email_that_may_have_been_sent_never_counts_as_not_sent(bench: Any, end: str) -> None:
    async def rejected() -> None:
        raise SendError("no", outcome="rejected", scope="recipient")

    async def check() -> None:
        bench.provider.answer = unknown()
        async with bench.outbox(lifetime=100) as outbox, bench.mailer() as mailer:
            ticket = await outbox.enqueue(message())
            worker = bench.worker(mailer, on_unknown="resend")
            assert await worker.work(ticket.id) == "queued"
            bench.provider.answer = rejected
            if end == "rejected":
                await worker.work(ticket.id)
            elif end == "overdue":
                bench.seconds += 101
                await Sweeper(bench.store, every=5, keep=60).sweep()
            else:
                await outbox.enqueue(message(), supersedes=("ada@example.com", "SignIn"))
            status = await outbox.status(ticket.id)
            assert (status.state, status.error.outcome) == ("unknown", "unknown")
            assert await bench.store.body(ticket.id) is None

    asyncio.run(check())


def test_nothing_is_sent_once_more_by_default_or_past_its_deadline(bench: Any) -> None:
    async def check() -> None:
        bench.provider.answer = unknown()
        async with bench.outbox(lifetime=30) as outbox, bench.mailer() as mailer:
            once = await outbox.enqueue(message())
            assert await bench.worker(mailer).work(once.id) == "unknown"
            late = await outbox.enqueue(message())
            await bench.store.apply(late.id, Claim("dead", 10_000, date=1))
            bench.seconds += 31
            swept = await Sweeper(bench.store, every=5, keep=60).sweep()
            assert swept is not None
            assert swept.abandoned == 1
            with pytest.raises(ValueError, match="stop or resend"):
                bench.worker(mailer, on_unknown="Resend")

    asyncio.run(check())


async def expired(bench: Any, outbox: Any) -> Any:
    ticket = await outbox.enqueue(message())
    bench.seconds += 601
    await Sweeper(bench.store, every=5, keep=60_000).sweep()
    assert (await ticket.wait(0)).state == "expired"
    return ticket


def test_what_expired_is_sent_after_all(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            ticket = await expired(bench, outbox)
            assert await outbox.retry(ticket.id, lifetime=30)
            assert not await outbox.retry(ticket.id)
            assert (await ticket.wait(0)).state == "queued"
            record = await bench.store.get(ticket.id)
            assert record.deadline == bench.seconds * 1000 + 30_000
            assert await bench.worker(mailer).work(ticket.id) == "accepted"
            assert not await outbox.retry(ticket.id)

    asyncio.run(check())
    (mail,) = bench.provider.mails
    assert mail.text.strip() == "493817"


def test_what_cannot_be_retried_stays_as_it_is(bench: Any) -> None:
    async def check() -> None:
        async with bench.outbox() as outbox:
            older = await outbox.enqueue(message())
            await outbox.enqueue(message(), supersedes=("ada@example.com", "SignIn"))
            assert not await outbox.retry(older.id)
            assert not await outbox.retry("unknown")
            with pytest.raises(ValueError, match="greater than 0"):
                await outbox.retry(older.id, lifetime=0)
            ticket = await expired(bench, outbox)
        bench.keys = Keys({"2026-12": b"n" * 32}, use="2026-12")
        async with bench.outbox() as outbox:
            with pytest.raises(StoreError, match="decrypted: key"):
                await outbox.retry(ticket.id)

    asyncio.run(check())


def test_the_blocking_outbox_retries(bench: Any) -> None:
    with Outbox(bench.store, bench.keys, secret=b"s" * 16) as outbox:
        assert not outbox.retry("unknown")
