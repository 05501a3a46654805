"""What went wrong in other projects whose workers share a queue; each test names where."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from passpost import Mail, Message, Receipt, SendError, hookimpl

POISON = "poison@example.com"


def test_one_email_that_fails_returns_no_other_to_the_queue(bench: Any) -> None:
    # kratos: the failed message and all those after it were queued again, and sent on as well.
    asked: list[str] = []

    @hookimpl
    async def send_mail(mail: Mail) -> Receipt:
        asked.append(mail.to.address)
        if mail.to.address == POISON:
            raise SendError("no", outcome="rejected", scope="recipient", provider_code="550")
        return Receipt("id-1", "250 OK")

    async def check() -> None:
        names = [*(f"user{number}@example.com" for number in range(20)), POISON]
        async with bench.outbox() as outbox, bench.mailer() as mailer:
            messages = [Message(name, "SignIn", {"code": "493817"}) for name in sorted(names)]
            tickets = [await outbox.enqueue(message) for message in messages]
            workers = [bench.worker(mailer) for _ in range(2)]
            await asyncio.gather(*(worker.drain() for worker in workers))
            ends = Counter([(await outbox.status(ticket.id)).state for ticket in tickets])
            assert ends == {"accepted": 20, "rejected": 1}
            assert await workers[0].drain() == 0
        assert Counter(asked) == dict.fromkeys(names, 1)

    bench.provider.send_mail = send_mail
    asyncio.run(check())
