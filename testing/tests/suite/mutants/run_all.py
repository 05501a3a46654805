"""The suite for the good connectors and for every mutant; `test_mutants.py` starts it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Literal

import mutants_broken  # noqa: F401 - it enters its mutants
import mutants_described  # noqa: F401 - it enters its mutants
import mutants_sent  # noqa: F401 - it enters its mutants
import pytest
from acme import Acme
from mutant import MUTANTS
from others import HasNoStandIn, Hosted, HtmlOnly, Plainly, Tokens
from wire import Wire

from pytest_passpost import Answer, ConnectorSuite, Refusal, override


class TestAcme(ConnectorSuite):
    connector = Acme()
    refusals: Sequence[Refusal] = (
        Refusal("throttled", Answer.json({"code": "slow_down"}, 400), "provider", temporary=True),
    )


class TestPlainly(TestAcme):
    connector = Plainly()


class TestHosted(TestAcme):
    connector = Hosted()


class TestTokens(TestAcme):
    connector = Tokens()


class TestHtmlOnly(TestAcme):
    connector = HtmlOnly()


class TestHasNoStandIn(TestAcme):
    connector = HasNoStandIn()


def slow(fake: Any) -> None:
    fake.server.slow = True


class TestWire(ConnectorSuite):
    connector = Wire()
    speaks: Literal["http", "tcp"] = "tcp"
    refusals = (Refusal("slow", slow, "provider", temporary=True),)


class Quick(TestAcme):
    __test__ = False
    patience = 1.0


for _name, (_mutant, _) in MUTANTS.items():
    globals()[f"Test{_name}"] = type(_name, (Quick,), {"connector": _mutant(), "__test__": True})


class Trusting(Wire):
    verify = ssl.CERT_NONE


class TestTrusting(TestWire):
    connector = Trusting()


class TestDeclaresNoThrottling(Quick):
    __test__ = True
    refusals = ()


class TestDeclaresAnotherProtocol(Quick):
    __test__ = True
    speaks = "tcp"


class TestSpeaksInClear(TestWire):
    @pytest.fixture
    def settings(self, provider: Any) -> Any:
        return {**provider.settings, "ca": ""}


class TestDeclaresHttp(TestWire):
    speaks = "http"


class TestOverrides(Quick):
    __test__ = True

    @override("Acme closes each connection")
    def test_connections_are_reused(self) -> None: ...
