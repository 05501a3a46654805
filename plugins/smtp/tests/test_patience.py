"""A server that hangs, and another one beside it: emails that have not left go there in time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import passpost
from passpost_smtp.transaction import Transaction
from pytest_passpost import EXTENSIONS, Fault, Hold, Phase, SmtpServer


def both(kit: Any, first: SmtpServer, second: SmtpServer, **settings: Any) -> passpost.AsyncMailer:
    given = {
        name: {"use": "smtp", "settings": kit.settings(server, **settings)}
        for name, server in (("first", first), ("second", second))
    }
    delivery = {"timeout": 3}
    return passpost.AsyncMailer.from_settings({"connectors": given, "delivery": delivery})


def message(number: int = 0) -> passpost.Message:
    return passpost.Message(f"user{number}@example.org", "Generic", {"code": "314159"})


@pytest.mark.anyio
@pytest.mark.parametrize("phase", ["greeting", "ehlo", "mail"])
async def test_what_waits_for_a_server_that_hangs_goes_to_the_other(phase: Phase, kit: Any) -> None:
    with (
        SmtpServer(faults=[Fault(phase, "silence", times=None)]) as first,
        SmtpServer() as second,
    ):
        async with both(kit, first, second, pool={"maxConnections": 1}) as sends:
            receipts = await asyncio.gather(*(sends.send(message(n)) for n in range(10)))
        assert {receipt.connector for receipt in receipts} == {"second"}
        assert (len(first.mails), len(second.mails)) == (0, 10)


@pytest.mark.anyio
async def test_a_message_that_has_left_has_all_the_time_there_is(kit: Any) -> None:
    hold = Hold()
    with SmtpServer(faults=[Fault("final", hold)]) as first, SmtpServer() as second:
        async with both(kit, first, second, pool={"maxConnections": 1}) as sends:
            sending = asyncio.create_task(sends.send(message(1)))
            await asyncio.to_thread(hold.reached.wait, 5)
            # It has waited for the one connection as long as emails wait.
            assert (await sends.send(message(2))).connector == "second"
            hold.release()
            assert (await sending).connector == "first"


@pytest.mark.anyio
@pytest.mark.parametrize("form", ["plain", "pipelined", "proving"])
async def test_a_message_is_not_sent_late_by_a_busy_event_loop(
    form: str, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Transaction._ask

    async def late(self: Transaction, data: bytes, wanted: int, _then: object = None) -> Any:
        replies = await ask(self, data, wanted)
        # The deadline passes in the turn in which the last reply comes.
        self._deadline = self._deadline if data[:4] in {b"MAIL", b"RCPT"} and wanted == 1 else 0.0
        return replies

    monkeypatch.setattr(Transaction, "_ask", late)
    without = {"plain": {"PIPELINING", "CHUNKING"}, "pipelined": {"CHUNKING"}, "proving": set()}
    offered = [name for name in EXTENSIONS if name not in without[form]]
    with SmtpServer(extensions=offered) as server:
        async with kit.session(kit.config(server), proven=False) as session:
            with pytest.raises(passpost.SendError) as caught:
                await session.send(kit.mail(seconds=30))
        assert caught.value.outcome == "rejected"
        assert server.mails == []
