from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from passpost import Address, Mail
from passpost_sendgrid.config import SendGridConfig
from passpost_sendgrid.hooks import parse_config
from passpost_sendgrid_stand_in.server import StandIn

TEMPLATES = [
    {"usageType": usage, "subject": "Your code", "content": "Your code is {{code}}"}
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
]

Configure = Callable[..., SendGridConfig]
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
def sendgrid() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def configure(sendgrid: StandIn) -> Configure:
    """Make a config that reaches the stand-in, with other settings where they are given."""

    def make(**settings: Any) -> SendGridConfig:
        return parse_config({**sendgrid.settings, "templates": TEMPLATES, **settings})

    return make


@pytest.fixture
def make_mail() -> MakeMail:
    """Make an email as passpost would, with other parts where they are given."""

    def make(**parts: Any) -> Mail:
        usual = {
            "message_id": "<0123456789abcdef@example.com>",
            "to": Address("ada@example.com"),
            "usage": "SignIn",
            "date": dt.datetime.now(dt.UTC),
            "subject": "Your code",
            "text": "Your code is 123456",
            "payload": {"code": "123456"},
        }
        return Mail(**{**usual, **parts})

    return make
