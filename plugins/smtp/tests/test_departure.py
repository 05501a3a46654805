"""What crashes or is cancelled before its message left is `rejected`, and no server has it.

The connector's own code fails at each of the steps that a send takes, in each form, alone on its
connection and together with others that share it. ``PASSPOST_FAULT_SCRIPTS`` says how many steps
there are at most for each form; without it, 30 spread over all of them.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from passpost import SendError, wire
from passpost_smtp import session as sessions
from passpost_smtp.session import SmtpSession
from pytest_passpost import EXTENSIONS, SmtpServer
from pytest_passpost.suite.instruments.crashes import Crash, Steps, crash, litter_ignored, spread

MOST: Final = int(os.environ.get("PASSPOST_FAULT_SCRIPTS", "30"))
TOGETHER: Final = 4
SECONDS: Final = 0.3
NOT_CHUNKED: Final = tuple(name for name in EXTENSIONS if name != "CHUNKING")
FORMS: Final = {
    "chunked": EXTENSIONS,
    "proving": EXTENSIONS,
    "pipelined": NOT_CHUNKED,
    "plain": tuple(name for name in NOT_CHUNKED if name != "PIPELINING"),
}


class Sends:
    """Emails of one session, each in an attempt of its own, as passpost makes it."""

    def __init__(self, kit: Any, session: SmtpSession) -> None:
        self._kit = kit
        self._session = session
        self.tasks: list[asyncio.Task[Any]] = []
        self.said: dict[str, str] = {}

    async def send(self, name: str) -> None:
        message_id = f"<{name}@example.com>"
        mark = wire.departure()
        with mark:
            self.said[message_id] = await self._judged(mark, message_id)

    async def _judged(self, mark: wire.Departure, message_id: str) -> str:
        mail = self._kit.mail(message_id=message_id, seconds=SECONDS)
        try:
            await self._session.send(mail)
        except SendError as error:
            mark.withdraw()
            return error.outcome
        except (Crash, asyncio.CancelledError):
            return "rejected" if mark.withdraw() else "unknown"
        assert not mark.withdraw(), "it was accepted, and not marked"
        return "accepted"

    async def together(self, name: str) -> None:
        self.tasks = [asyncio.create_task(self.send(f"{name}.{n}")) for n in range(TOGETHER)]
        await asyncio.wait(self.tasks)

    def cancel(self) -> None:
        asyncio.get_running_loop().call_soon(self.tasks[TOGETHER // 2].cancel)


async def struck(kit: Any, server: SmtpServer, form: str, how: str, number: int) -> tuple[int, Any]:
    """Send some emails while the code fails at one step; return the steps, and what was said."""
    config = kit.config(server, pool={"maxConnections": 1 if number % 2 else 2})
    async with kit.session(config, proven=form == "chunked") as session:
        sends = Sends(kit, session)
        steps = Steps(os.path.dirname(sessions.__file__))  # noqa: PTH120 - a prefix of texts
        act: Callable[[], object] = crash if how == "crash" else sends.cancel
        with steps.strike(number, act):
            await sends.together(f"{form}.{how}.{number}")
    return steps.taken, sends.said


@pytest.mark.parametrize("how", ["crash", "cancelled"])
@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_is_called_rejected_has_arrived(form: str, how: str, kit: Any) -> None:
    said: dict[str, str] = {}

    async def scene(server: SmtpServer) -> None:
        # What crashes in a callback of the loop is told there, and to nobody else.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        taken, _ = await struck(kit, server, form, how, 0)
        for number in spread(taken, min(MOST, taken)):
            task = asyncio.create_task(struck(kit, server, form, how, number))
            await asyncio.wait([task], timeout=SECONDS + 0.2)
            while not task.done():
                # A session that crashed may never close in order.
                task.cancel()
                await asyncio.wait([task], timeout=0.05)
            if not task.cancelled() and task.exception() is None:
                said.update(task.result()[1])

    with SmtpServer(extensions=FORMS[form]) as server:
        with litter_ignored():
            asyncio.run(scene(server))
        copies = Counter(str(mail.message["Message-ID"]) for mail in server.mails)
    print(f"{form}, {how}: {dict(Counter(said.values()))}")  # noqa: T201 - a run of thousands is summed up
    assert {name for name in copies if said.get(name) == "rejected"} == set()
    assert {name for name, told in said.items() if told == "accepted" and not copies[name]} == set()
    assert max(copies.values()) == 1
    assert {"accepted", "rejected"} <= set(said.values())
