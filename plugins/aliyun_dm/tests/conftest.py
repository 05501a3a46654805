from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from passpost import Address, Mail
from passpost_aliyun_dm.config import AliyunDmConfig
from passpost_aliyun_dm.hooks import parse_config
from passpost_aliyun_dm_stand_in.server import StandIn

TEMPLATES = [
    {"usageType": usage, "subject": "Your code", "content": "<p>Your code is {{code}}</p>"}
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
]

Configure = Callable[..., AliyunDmConfig]
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
def aliyun() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def configure(aliyun: StandIn) -> Configure:
    """Make a config that reaches the stand-in, with other settings where they are given."""

    def make(**settings: Any) -> AliyunDmConfig:
        return parse_config({**aliyun.settings, "templates": TEMPLATES, **settings})

    return make


@pytest.fixture
def make_mail() -> MakeMail:
    """Make an email as passpost would, with other parts where they are given."""

    def make(**parts: Any) -> Mail:
        usual = {
            "message_id": "<0123456789abcdef@mail.example.com>",
            "to": Address("ada@example.com"),
            "usage": "SignIn",
            "date": dt.datetime.now(dt.UTC),
            "subject": "Your code",
            "html": "<p>Your code is 123456</p>",
            "payload": {"code": "123456"},
        }
        return Mail(**{**usual, **parts})

    return make
