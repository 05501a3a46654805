"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from passpost_ses import hooks
from pytest_passpost import ConnectorSuite, Refusal


class TestSes(ConnectorSuite):
    connector = hooks
    refusals = (
        Refusal(
            "throttled",
            lambda fake: fake.refuse("TooManyRequestsException", "Too many", 429),
            "provider",
            temporary=True,
        ),
        Refusal("paused", lambda fake: fake.refuse("SendingPausedException"), "account"),
        Refusal("content", lambda fake: fake.refuse("MessageRejected", "A virus"), "message"),
    )
