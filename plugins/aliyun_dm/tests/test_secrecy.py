"""A secret, a token, a code or a payload shows nowhere: in no log, no error, no traceback."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from passpost import Address, ConfigError, Receipt, SendError
from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm.hooks import parse_config
from passpost_aliyun_dm_stand_in.server import StandIn
from passpost_aliyun_dm_stand_in.signatures import Key
from pytest_passpost import Fault, accept_then

pytestmark = pytest.mark.anyio

SECRET = "canary+secret/7351=="
TOKEN = "canary+token/9427=="
CODE = "cänary-code-8806"
NAME = "Canary Payload"
CANARIES = (SECRET, TOKEN, CODE, NAME)


def disguises(text: str) -> set[str]:
    octets = text.encode()
    return {
        text,
        quote(text),
        quote(text, safe=""),
        quote(quote(text, safe=""), safe=""),
        # In base64 a text looks different by where in the coded octets it begins.
        *(base64.b64encode(b"." * shift + octets).decode()[4:-4] for shift in range(3)),
        *(base64.urlsafe_b64encode(b"." * shift + octets).decode()[4:-4] for shift in range(3)),
    }


def shown(text: str) -> list[str]:
    return [canary for canary in CANARIES if any(form in text for form in disguises(canary))]


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
        self.texts.append(f"{record.args!r} {record.msg!r}")


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    loggers = [logging.getLogger(name) for name in ("", "httpx", "httpcore", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    yield handler
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def settings(aliyun: StandIn) -> dict[str, Any]:
    keys: Any = aliyun.service._gate._keys
    keys["STS.Canary"] = Key(SECRET, TOKEN)
    return {
        **aliyun.settings,
        "accessKeyId": "STS.Canary",
        "accessKeySecret": SECRET,
        "securityToken": TOKEN,
        "readTimeout": 200,
        "totalTimeout": 300,
        "templates": [{"usageType": "Generic", "subject": "{{code}}", "content": "{{code}}"}],
    }


@pytest.mark.parametrize("version", ["3", "1.0"])
@pytest.mark.parametrize(
    "fault",
    [
        None,
        "refused with the code",
        "refused with a name",
        "signature",
        Fault("connect", "reset", times=None),
        Fault("request", "close", times=None),
        Fault("request", "silence", times=None),
        Fault("answer", accept_then("reset"), times=None),
        Fault("answer", "garbage", times=None),
    ],
    ids=str,
)
async def test_nothing_shows(
    aliyun: StandIn,
    settings: dict[str, Any],
    make_mail: Any,
    records: Records,
    version: str,
    fault: Fault | str | None,
) -> None:
    if isinstance(fault, Fault):
        aliyun.break_with(fault)
    elif fault == "refused with the code":
        aliyun.refuse("InvalidBody", f"The body says {CODE}")
    elif fault == "refused with a name":
        aliyun.refuse("InvalidBody", f"Not to {NAME}.")
    config = parse_config({**settings, "signatureVersion": version})
    mail = make_mail(
        subject=CODE, html=f"<p>{CODE} {NAME}</p>", payload={"code": CODE, "user": {"name": NAME}}
    )
    seen = [repr(config), str(config), repr(mail)]
    if fault == "signature":
        aliyun.service._gate._keys["STS.Canary"] = Key("another", TOKEN)  # type: ignore[index]  # a dict
    async with DirectMail(config) as session:
        seen += [repr(session), repr(vars(session))]
        (result,) = await asyncio.gather(session.send(mail), return_exceptions=True)
    seen += [repr(result), str(result)]
    assert isinstance(result, Receipt if fault is None else SendError)
    if isinstance(result, SendError):
        assert result.__cause__ is None
        assert result.__context__ is None
        seen += [repr(result.facts()), repr(result.args), *traceback.format_exception(result)]
    assert records.texts
    assert shown("\n".join(seen + records.texts)) == []
    assert aliyun.server.requests or isinstance(fault, Fault)


def test_the_search_would_find_them() -> None:
    assert shown(f"x{quote(SECRET)}y") == [SECRET]
    assert shown(base64.b64encode(f"a:{TOKEN}:b".encode()).decode()) == [TOKEN]
    assert shown(repr({"code": CODE})) == [CODE]


@pytest.mark.parametrize("key", ["accessKeySecret", "securityToken"])
@pytest.mark.parametrize("value", [f" {SECRET}", f"{SECRET}\n", f"{SECRET}é"])
def test_a_secret_that_is_refused_is_not_shown(
    settings: dict[str, Any], key: str, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({**settings, key: value})
    assert shown("".join(traceback.format_exception(caught.value))) == []


def test_an_address_is_not_shown(make_mail: Any) -> None:
    assert "ada@" not in repr(make_mail(to=Address("ada@example.com")))
