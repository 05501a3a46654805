"""The connector keeps the contract of all connectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from passpost import Receipt, SendError
from passpost_webhook import hooks
from pytest_passpost import ConnectorSuite, HttpServer, Refusal, override
from pytest_passpost.suite.checks.http import GARBAGE

if TYPE_CHECKING:
    from pytest_passpost import Answer

NO_JSON = ("html", "half-json", "octets", "deep")


class TestWebhook(ConnectorSuite):
    connector = hooks
    refusals = (
        Refusal("throttled", lambda fake: fake.refuse(429), "provider", temporary=True),
        Refusal("gone", lambda fake: fake.refuse(410), "account"),
        Refusal("content", lambda fake: fake.refuse(422), "message"),
    )

    @override("a webhook is accepted by its status alone; only a response that is not JSON is not")
    @pytest.mark.parametrize(("name", "answer"), GARBAGE.items(), ids=GARBAGE)
    def test_http_garbage(self, bench: Any, name: str, answer: Answer) -> None:
        with HttpServer(answer) as server:
            result = bench.send(settings=bench.pointed(bench.direct, server.port))
        if name not in NO_JSON:
            assert isinstance(result, Receipt)
            return
        assert isinstance(result, SendError)
        assert (result.outcome, result.scope) == ("unknown", "provider")
