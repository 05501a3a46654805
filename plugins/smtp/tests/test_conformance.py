"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost_smtp import hooks
from pytest_passpost import ConnectorSuite, Fault, Refusal, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from passpost_smtp_stand_in.server import StandIn
    from pytest_passpost import Phase


def says(phase: Phase, text: str) -> Callable[[StandIn], None]:
    return lambda fake: fake.server.script(Fault(phase, reply(text)))


class TestSmtp(ConnectorSuite):
    connector = hooks
    speaks = "tcp"
    refusals = (
        Refusal("throttled", says("mail", "451 4.7.1 Slow down"), "account", temporary=True),
        Refusal("greylisted", says("rcpt", "450 4.2.0 Later"), "recipient", temporary=True),
        Refusal("no-such-user", says("rcpt", "550 5.1.1 No such user"), "recipient"),
        Refusal("spam", says("final", "554 5.7.1 Spam"), "message"),
    )
