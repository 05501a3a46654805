"""What went wrong in other projects that send from a queue, as far as a mailer can go wrong so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted import Scripted, hanging, mailer, message, outcome, rejected, unknown
from virtual_time import run

import passpost
from passpost._stores import Stores
from passpost._stores.idempotency import MemoryIdempotency


def test_many_messages_lose_no_failure() -> None:
    # langfuse#16578
    async def scene() -> None:
        first = Scripted("first", None, rejected("recipient"), unknown(), None)
        messages = [message(to=f"{number}@example.com") for number in range(6)]
        async with mailer(first) as sends:
            results = [sent async for sent in sends.send_many(messages, limit=1)]
        assert [sent.message.to for sent in results] == [given.to for given in messages]
        failed = [getattr(sent.error, "outcome", None) for sent in results]
        assert failed == [None, "rejected", "unknown", None, None, None]
        assert len(first.mails) == 6

    run(scene())


def test_an_email_that_hangs_or_fails_delays_no_other() -> None:
    # kratos#1598, kratos#402
    async def scene() -> None:
        first = Scripted("first")
        first.always = lambda mail: _poison(mail.to.address)
        messages = [message(to=f"{number}@example.com") for number in range(50)]
        began = asyncio.get_running_loop().time()
        async with mailer(first, attempts=1) as sends:
            ends = {
                sent.message.to.address: asyncio.get_running_loop().time() - began
                async for sent in sends.send_many(messages, limit=5)
            }
        assert len(first.mails) == len(ends) == 50
        assert ends.pop("7@example.com") > 20
        assert max(ends.values()) == 0

    async def _poison(address: str) -> None:
        if address == "7@example.com":
            await asyncio.sleep(60)
        if address.startswith("1"):
            raise rejected("recipient")

    run(scene())


def test_a_request_that_is_delivered_twice_sends_one_email() -> None:
    # Devlane#374, celery#6871
    async def scene() -> None:
        first = Scripted("first", hanging(3))
        async with mailer(first, stores=Stores(idempotency=MemoryIdempotency())) as sends:
            receipts = await asyncio.gather(
                *(sends.send(message(idempotency_key="request 7")) for _ in range(5))
            )
        assert len(first.mails) == 1
        assert sorted(receipt.replayed for receipt in receipts) == [False, True, True, True, True]
        assert len({receipt.message_id for receipt in receipts}) == 1

    run(scene())


def test_a_send_whose_process_vanished_ends_as_unknown_in_bounded_time() -> None:
    # kratos, postal#645, postal#1085: an email that is "being processed" for ever
    class Killed(MemoryIdempotency):
        async def finish(self, key: str, token: str, record: Any) -> None:
            """Note nothing, as a process that is gone."""

    async def scene() -> None:
        first = Scripted("first")
        async with mailer(first, stores=Stores(idempotency=Killed())) as sends:
            assert await outcome(sends.send(message(idempotency_key="k"))) == "first"
            await asyncio.sleep(60)
            with pytest.raises(passpost.SendError) as caught:
                await sends.send(message(idempotency_key="k"))
        found = (caught.value.outcome, caught.value.provider_code)
        assert found == ("unknown", "passpost.vanished")
        assert len(first.mails) == 1

    run(scene())
