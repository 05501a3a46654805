"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from passpost_sendgrid import hooks
from pytest_passpost import ConnectorSuite, Refusal


class TestSendGrid(ConnectorSuite):
    connector = hooks
    refusals = (
        Refusal("throttled", lambda fake: fake.refuse(429), "provider", temporary=True),
        Refusal("sender", lambda fake: fake.refuse(403, "No", "from"), "account"),
    )
