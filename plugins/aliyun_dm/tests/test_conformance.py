"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from passpost_aliyun_dm import hooks
from pytest_passpost import ConnectorSuite, Refusal


class TestAliyunDm(ConnectorSuite):
    connector = hooks
    refusals = (
        Refusal(
            "throttled", lambda fake: fake.refuse("Throttling.User"), "provider", temporary=True
        ),
        Refusal("no-such-recipient", lambda fake: fake.refuse("InvalidToAddress"), "recipient"),
    )
