"""The tables of reference/outcomes.md: each row is produced, and says what is said then."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from passpost import Receipt, SendError
from pytest_passpost import (
    EXTENSIONS,
    Action,
    CertificateAuthority,
    Fault,
    Phase,
    Repeat,
    SmtpServer,
    StopReading,
    accept_then,
    reply,
)

PAGE: Final = Path(__file__).parents[3] / "docs/en/reference/outcomes.md"
ROW: Final = re.compile(r"^\| (?!phase|written|-)(.*) \|$", re.MULTILINE)
# Without SIZE, since one email is larger than what fits between client and server.
AT_ONCE: Final = {
    "chunked": tuple(name for name in EXTENSIONS if not name.startswith("SIZE")),
}
IN_STEPS: Final = {
    "pipelined": tuple(name for name in AT_ONCE["chunked"] if name != "CHUNKING"),
    "plain": ("8BITMIME",),
}
ALL: Final = {**AT_ONCE, **IN_STEPS}
FORMS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "any": ALL,
    "at once": AT_ONCE,
    "in steps": IN_STEPS,
}
EVENTS: Final[dict[str, Any]] = {
    "FIN": "close",
    "RST": "reset",
    "silence": "silence",
    "garbage": "garbage",
    "a line of 1 MB": "long-line",
    "a reply too many": Repeat(),
    "accepted, then FIN": accept_then("close"),
    "accepted, then RST": accept_then("reset"),
    "accepted, then silence": accept_then("silence"),
}
UNSENT: Final = ", each with the last byte not sent"
# More than the kernels on both sides take for a server that does not read.
LARGE: Final = "0123456789 abcdef\n" * 1_500_000
LOGIN: Final = {"user": "ada", "pass": "correct horse"}
# Long enough for a machine that is busy, and not for ever: a server is silent in many rows.
PATIENCE: Final = 400


@attrs.frozen
class Case:
    """One event of one row.

    Attributes:
        form: The form in which the email travels; empty while the connection is opened.
        phase: Where the event happens.
        event: What happens.
        said: What is said of it: outcome, scope, temporary.
        again: Whether the email goes again if it happens once.
    """

    form: str
    phase: str
    event: str
    said: tuple[str, ...]
    again: bool

    def __str__(self) -> str:
        return "-".join(filter(None, (self.form, self.phase, self.event)))

    @property
    def fault(self) -> tuple[Phase, Action | str]:
        """Where a server does what."""
        event = self.event.removesuffix(UNSENT)
        phase: Any = self.phase
        if event != self.event:
            return phase, StopReading(EVENTS[event])
        return phase, reply(event.strip("`")) if event.startswith("`") else EVENTS[event]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    section = PAGE.read_text("utf-8").split(f"### {heading}\n")[1].partition("\n#")[0]
    return [[cell.strip() for cell in line.split("|")] for line in ROW.findall(section)]


def split(cell: str) -> list[str]:
    """Return the events of a cell; what is said of each is said once, behind the last."""
    each = UNSENT if cell.endswith(UNSENT) else ""
    return [f"{one}{each}" for one in re.split(r"; |, (?!then)", cell.removesuffix(each))]


def opening() -> Iterator[Case]:
    for phases, events, *said, again in rows("While a connection is opened"):
        for phase, event in itertools.product(split(phases), split(events)):
            yield Case("", phase.strip("`"), event, tuple(said), again == "yes")


def sending() -> Iterator[Case]:
    for written, phases, events, *said, again in rows("While an email is sent"):
        for form, phase, event in itertools.product(FORMS[written], split(phases), split(events)):
            yield Case(form, phase.strip("`"), event, tuple(said), again == "yes")


def told(outcome: Receipt | SendError) -> tuple[str, ...]:
    if isinstance(outcome, Receipt):
        return "accepted", "", ""
    return outcome.outcome, outcome.scope, "yes" if outcome.temporary else "no"


def test_the_tables_are_read() -> None:
    assert len(list(opening())) > 30
    assert len(list(sending())) > 100


@pytest.mark.anyio
@pytest.mark.parametrize("case", list(opening()), ids=str)
async def test_while_a_connection_is_opened(case: Case, kit: Any) -> None:
    faults: list[Fault] = []
    more: dict[str, Any] = {}
    if case.event == "an untrusted certificate":
        more = {"tls": {"ca": CertificateAuthority().pem}}
    elif case.event == "the name is not found":
        more = {"host": "mail.invalid"}
    else:
        faults = [Fault(*case.fault, times=None)]  # type: ignore[arg-type]  # the page names them
    with SmtpServer(tls="starttls", auth={"ada": LOGIN["pass"]}, faults=faults) as server:
        config = kit.config(server, auth=LOGIN, socketTimeout=PATIENCE, **more)
        assert told(await kit.refusal(config)) == case.said
        # Not even a second connection: anyone who uses the connector decides on that.
        assert server.connection_count == ("host" not in more)
        assert server.mails == []


async def second_email(case: Case, times: int | None, kit: Any) -> tuple[Any, int]:
    """Send two emails, the second into the event; return its outcome and how often it arrived."""
    phase, action = case.fault
    unsent = case.event.endswith(UNSENT)
    fault = Fault(phase, action, times=times, octets=1 if unsent else 100)  # type: ignore[arg-type]  # as above
    with SmtpServer(extensions=ALL[case.form]) as server:
        config = kit.config(server, socketTimeout=PATIENCE, dataTimeout=PATIENCE)
        async with kit.session(config, proven=True) as session:
            if phase == "idle":
                server.script(fault)
            await session.send(kit.mail())
            if phase == "idle":
                await asyncio.to_thread(server.wait_ended, 1)
            else:
                server.script(fault)
            mail = kit.mail(text=LARGE if unsent else "x\n", message_id="<second@example.com>")
            outcome = await kit.outcome(session, mail)
        copies = [each.message["Message-ID"] for each in server.mails].count(mail.message_id)
    return outcome, copies


@pytest.mark.anyio
@pytest.mark.parametrize("case", list(sending()), ids=str)
async def test_while_an_email_is_sent(case: Case, kit: Any) -> None:
    # What goes again has to meet the event again to be told of it.
    outcome, copies = await second_email(case, None if case.again else 1, kit)
    assert told(outcome) == case.said
    assert copies == {"accepted": 1, "rejected": 0}.get(case.said[0], copies)
    assert copies <= 1


@pytest.mark.anyio
@pytest.mark.parametrize("case", [case for case in sending() if case.again], ids=str)
async def test_what_is_sent_again_arrives_once(case: Case, kit: Any) -> None:
    outcome, copies = await second_email(case, 1, kit)
    assert told(outcome)[0] == "accepted"
    assert copies == 1
