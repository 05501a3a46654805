"""Servers that withhold, shift, repeat and lie, as a client on a raw socket meets them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_passpost import Deaf, Fault, Group, Omit, Repeat, SmtpServer, Stray, Unread, accept_then

CONTENT = b"Subject: x\r\n\r\nx\r\n"
BATCH = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT %d LAST\r\n%b" % (
    len(CONTENT),
    CONTENT,
)


def greeted(wire: Any) -> None:
    wire.reply()
    assert wire.ask("EHLO x")[:3] == "250"


@pytest.mark.parametrize("end", ["close", "reset", "silence"])
def test_a_server_that_groups_replies_may_take_a_mail_and_say_nothing(
    end: Any, dial: Callable[[int], Any]
) -> None:
    faults = [Fault("mail", Group()), Fault("final", accept_then(end))]
    with SmtpServer(faults=faults) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(BATCH)
        server.wait_for(1)
        if end == "close":
            assert wire.rest() == b""


def test_grouped_replies_come_once_nothing_is_left_to_read(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("mail", Group())]) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(BATCH)
        assert [wire.reply()[:9] for _ in range(3)] == ["250 2.1.0", "250 2.1.5", "250 2.0.0"]
        assert wire.ask("NOOP")[:3] == "250"


@pytest.mark.parametrize(
    ("action", "replies"),
    [
        (Stray("250 stray"), ["250 stray", "250 2.1.0", "250 2.1.5", "250 2.0.0"]),
        (Repeat(), ["250 2.1.0", "250 2.1.0", "250 2.1.5", "250 2.0.0"]),
        (Omit(), ["250 2.1.5", "250 2.0.0"]),
    ],
)
def test_replies_out_of_step(action: Any, replies: list[str], dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("mail", action)]) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(BATCH)
        assert [wire.reply()[:9] for _ in replies] == replies
        assert len(server.wait_for(1)) == 1


def test_a_server_that_cannot_pipeline_drops_what_came_ahead(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("mail", Deaf())]) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(BATCH)
        assert wire.reply()[:9] == "250 2.1.0"
        assert wire.ask("RCPT TO:<b@example.com>")[:9] == "250 2.1.5"


def test_a_server_that_does_not_know_bdat_reads_the_message_as_commands(
    dial: Callable[[int], Any],
) -> None:
    with SmtpServer(faults=[Fault("body", Unread())]) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(b"%bBDAT 6\r\nNOOP\r\n" % BATCH[: BATCH.index(b"BDAT")])
        assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "502", "250"]
        assert server.connections[0].verbs[-2:] == ["BDAT", "NOOP"]


def test_content_that_came_by_data_is_never_taken_for_commands(dial: Callable[[int], Any]) -> None:
    with SmtpServer(faults=[Fault("body", Unread())]) as server:
        wire = dial(server.port)
        greeted(wire)
        wire.send(BATCH[: BATCH.index(b"BDAT")] + b"DATA\r\n")
        assert [wire.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
        assert wire.ask(CONTENT.decode() + ".")[:3] == "250"
