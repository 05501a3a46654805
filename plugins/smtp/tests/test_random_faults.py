"""Random scripts of faults, lies and shifts over many sends at a time: the truth is told of each.

``PASSPOST_FAULT_SCRIPTS`` says how many scripts there are for each form, of 50 emails each. With
375, which take a quarter of an hour, 75,000 emails are sent.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from passpost import SendError
from passpost_smtp.session import SmtpSession
from pytest_passpost import (
    EXTENSIONS,
    Action,
    ActionName,
    Deaf,
    Fault,
    Group,
    Omit,
    Phase,
    Repeat,
    SmtpServer,
    Stray,
    Unread,
    accept_then,
    reply,
)
from pytest_passpost.servers.faults import WITHOUT_REPLY

SCRIPTS: Final = int(os.environ.get("PASSPOST_FAULT_SCRIPTS", "10"))
EMAILS: Final = 50
# Replies that do not come are few, and are not to take minutes.
PATIENCE: Final = 300

NOT_CHUNKED: Final = tuple(name for name in EXTENSIONS if name != "CHUNKING")
FORMS: Final = {
    "chunked": EXTENSIONS,
    "proving": EXTENSIONS,
    "pipelined": NOT_CHUNKED,
    "plain": tuple(name for name in NOT_CHUNKED if name != "PIPELINING"),
}

ANY: Final[list[Action | ActionName]] = [
    "close", "reset", "garbage", "split", "long-line", reply("421 4.3.2 busy"),
    reply("451 4.3.0 later"), reply("550 5.7.1 never"), Deaf(), Omit(), Repeat(), Stray(),
    Stray("250 ok"), Stray("550 5.0.0 no"),
]  # fmt: skip
TAKEN: Final[list[Action | ActionName]] = [
    accept_then("close"), accept_then("reset"), accept_then("garbage"),
]  # fmt: skip
PHASES: Final[list[Phase]] = [
    "connect", "greeting", "ehlo", "mail", "rcpt", "data", "bdat", "body", "final", "idle", "rset",
]  # fmt: skip


def script(chance: random.Random) -> list[Fault]:
    """Make some faults that strike now and then."""
    faults = [fault for _ in range(chance.randint(1, 5)) for fault in some(chance)]
    if chance.random() < 1 / 20:
        faults.append(strikes(chance, "body", Unread()))
    return faults


def some(chance: random.Random) -> Iterator[Fault]:
    phase = chance.choice(PHASES)
    if phase in WITHOUT_REPLY:
        yield strikes(chance, phase, chance.choice(["close", "reset"]))
    elif phase in {"mail", "rcpt"} and chance.random() < 1 / 2:
        # A server that holds replies back, and dies with the email in its queue.
        yield strikes(chance, phase, Group())
        yield strikes(chance, "final", chance.choice(TAKEN))
    else:
        actions = [*ANY, *(TAKEN if phase in {"final", "bdat"} else [])]
        yield strikes(chance, phase, chance.choice(actions))


def strikes(chance: random.Random, phase: Phase, action: Action | ActionName) -> Fault:
    return Fault(
        phase,
        action,
        after=chance.randint(0, 30),
        times=chance.randint(1, 8),
        octets=chance.randint(0, 400) if not isinstance(action, Unread) else 0,
        optional=True,
    )


class Record:
    """What was said of which email."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._said: dict[str, str] = {}

    async def send(self, kit: Any, session: SmtpSession) -> None:
        message_id = f"<{next(self._numbers)}@example.com>"
        outcome = await kit.outcome(session, kit.mail(message_id=message_id))
        self._said[message_id] = outcome.outcome if isinstance(outcome, SendError) else "accepted"

    def compare(self, server: SmtpServer) -> Counter[str]:
        """Count what is wrong with it, given what the server has taken."""
        copies = Counter(str(mail.message["Message-ID"]) for mail in server.mails)
        found = Counter(self._said.values())
        for message_id, said in self._said.items():
            found["sent twice"] += copies[message_id] > 1
            found["accepted, and lost"] += said == "accepted" and not copies[message_id]
            found["rejected, and taken"] += said == "rejected" and copies[message_id] > 0
        return found


@pytest.mark.anyio
@pytest.mark.parametrize("form", FORMS)
async def test_random_scripts_over_fifty_sends_at_a_time_tell_the_truth(
    form: str, kit: Any
) -> None:
    chance = random.Random(form)  # noqa: S311 - no secret hangs on it
    record = Record()
    with SmtpServer(extensions=FORMS[form]) as server:
        config = kit.config(server, socketTimeout=PATIENCE)
        for _ in range(SCRIPTS):
            server.script(*script(chance))
            async with kit.session(config, proven=form == "chunked") as session:
                await asyncio.gather(*(record.send(kit, session) for _ in range(EMAILS)))
        found = record.compare(server)
    print(f"{form}: {dict(found)}")  # noqa: T201 - a run of thousands is summed up
    assert found["accepted"] + found["rejected"] + found["unknown"] == SCRIPTS * EMAILS
    wrong = ("sent twice", "accepted, and lost", "rejected, and taken")
    assert {what: found[what] for what in wrong} == dict.fromkeys(wrong, 0)
