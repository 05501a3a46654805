"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from passpost.testing import ConnectorSuite, Refusal
from passpost_sendgrid import hooks


class TestSendGrid(ConnectorSuite):
    connector = hooks
    refusals = (
        Refusal("throttled", lambda fake: fake.refuse(429), "provider", temporary=True),
        Refusal("sender", lambda fake: fake.refuse(403, "No", "from"), "account"),
    )
