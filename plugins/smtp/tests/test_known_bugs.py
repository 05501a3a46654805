"""What went wrong in other clients of mail servers; each test names where."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from passpost import Receipt, SendError
from pytest_passpost import Fault, SmtpServer, reply

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("code", [200, 220, 250, 251, 252, 299])
async def test_no_success_is_taken_for_a_rejection(code: int, kit: Any) -> None:
    # kratos#3399: what the provider had accepted was sent again, six times
    with SmtpServer(faults=[Fault("final", reply(f"{code} 2.0.0 fine"))]) as server:
        said = await kit.send(kit.config(server))
    assert isinstance(said, Receipt) or said.outcome == "unknown"
    assert isinstance(said, Receipt) == (code == 250)


async def test_the_late_reply_to_one_email_is_never_read_for_the_next(kit: Any) -> None:
    # symfony#54169: "expected 354, got 250"; `test_pool.py` has it for a cancelled email
    with SmtpServer(faults=[Fault("final", "silence")]) as server:
        async with kit.session(kit.config(server, socketTimeout=400)) as session:
            first = await kit.outcome(session, kit.mail())
            second = await session.send(kit.mail(message_id="<second@example.com>"))
            assert isinstance(second, Receipt)
        assert server.connection_count == 2
        assert isinstance(first, SendError)
        assert first.outcome == "unknown"
        sent = [mail.message["Message-ID"] for mail in server.mails]
        assert sent.count("<second@example.com>") == 1


async def test_an_email_on_a_connection_that_idled_too_long_is_sent_once(kit: Any) -> None:
    # nodemailer#511, symfony#36301: the server had closed it, and the next email was lost
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            server.script(Fault("idle", "close"))
            await session.send(kit.mail())
            await asyncio.to_thread(server.wait_ended, 1)
            await session.send(kit.mail(message_id="<second@example.com>"))
        assert server.connection_count == 2
        sent = [mail.message["Message-ID"] for mail in server.mails]
        assert sorted(sent) == ["<1.2@example.com>", "<second@example.com>"]


async def test_an_email_for_a_server_that_is_gone_is_rejected_before_the_wire(kit: Any) -> None:
    # nodemailer#511, symfony#36301
    with SmtpServer() as server:
        async with kit.session(kit.config(server)) as session:
            server.script(Fault("idle", "close"))
            await session.send(kit.mail())
            await asyncio.to_thread(server.wait_ended, 1)
            server.script(Fault("connect", "close", times=None))
            said = await kit.outcome(session, kit.mail(message_id="<second@example.com>"))
        assert isinstance(said, SendError)
        assert (said.outcome, said.scope, said.temporary) == ("rejected", "network", True)
        assert len(server.mails) == 1
