from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from passpost import Address, Mail
from passpost_webhook.config import WebhookConfig
from passpost_webhook.hooks import parse_config
from passpost_webhook_stand_in.server import StandIn

Configure = Callable[..., WebhookConfig]
MakeMail = Callable[..., Mail]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def service() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def configure(service: StandIn) -> Configure:
    """Make a config that reaches the stand-in, with other settings where they are given."""

    def make(**settings: Any) -> WebhookConfig:
        return parse_config({**service.settings, **settings})

    return make


@pytest.fixture
def make_mail() -> MakeMail:
    """Make an email as passpost would, with other parts where they are given."""

    def make(**parts: Any) -> Mail:
        usual = {
            "message_id": "<0123456789abcdef@localhost>",
            "to": Address("ada@example.com"),
            "usage": "SignIn",
            "date": dt.datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=dt.UTC),
            "locale": "zh-CN",
            "payload": {"code": "123456"},
        }
        return Mail(**{**usual, **parts})

    return make
