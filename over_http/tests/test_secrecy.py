"""A key, a code or a payload shows in no log, no error and no traceback."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import attrs
import httpcore
import pytest

from passpost import SendError
from passpost.config import Invalid
from passpost.http import ApiKey, Response
from pytest_passpost import (
    Action,
    Answer,
    CertificateAuthority,
    Channel,
    Fault,
    HttpServer,
    accept_then,
)

pytestmark = pytest.mark.anyio

KEY = "canary+key/7351=="
CODE = "cänary-code-8806"


def shown(text: str) -> list[str]:
    return [canary for canary in (KEY, CODE) if any(form in text for form in forms(canary))]


def forms(text: str) -> Iterator[str]:
    yield text
    yield quote(text, safe="")
    # In base64 a text looks different by where in the coded octets it begins.
    for shift in range(3):
        yield base64.b64encode(b"." * shift + text.encode()).decode()[4:-4]


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [self.format(record), f"{record.args!r} {record.msg!r}"]


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


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Fault("connect", "reset"),
        Fault("request", "close"),
        Fault("request", "silence"),
        Fault("answer", accept_then("reset")),
        Fault("answer", "garbage"),
    ],
    ids=str,
)
async def test_nothing_shows(opened: Any, records: Records, mail: Any, fault: Any) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    echo = Answer.json({"errors": [{"message": f"{KEY} {CODE}"}]}, 400)
    with HttpServer(echo, faults=[fault] if fault else []) as server:
        async with opened(server.url, read_timeout=200, total_timeout=300) as client:
            sending = client.post_json("/", {"text": CODE}, headers, mail)
            result: Any
            (result,) = await asyncio.gather(sending, return_exceptions=True)
            seen = [repr(client), repr(vars(client)), repr(result)]
    if isinstance(result, Response):
        result = result.refusal("Acme")
    assert isinstance(result, SendError)
    seen += [str(result), repr(result.facts()), *traceback.format_exception(result)]
    assert records.texts
    assert shown("\n".join(seen + records.texts)) == []


@attrs.frozen
class Raw(Action):
    """Answers with these octets."""

    octets: bytes
    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        await channel.send(self.octets)
        return True


@pytest.mark.parametrize("tls", [False, True])
async def test_no_log_repeats_what_a_response_repeats(
    opened: Any, records: Records, authority: CertificateAuthority, *, tls: bool
) -> None:
    raw = (
        f"HTTP/1.1 400 {KEY}\r\nx-echo: {KEY}\r\nlocation: /{KEY}\r\nset-cookie: a={KEY}\r\n"
        f"content-length: 0\r\n\r\n"
    )
    fault = Fault("answer", Raw(raw.encode()), times=None)
    with HttpServer(tls=tls, authority=authority, faults=[fault]) as server:
        async with opened(server.url) as client:
            for _ in range(2):
                assert (await client.post("/", b"x", {"x-key": KEY})).status == 400
    assert any(f"localhost:{server.port}" in text for text in records.texts) is tls
    assert shown("\n".join(records.texts)) == []


async def test_others_keep_their_logs(records: Records) -> None:
    async with httpcore.AsyncConnectionPool() as pool:
        with HttpServer(Answer(200)) as server:
            await pool.request("GET", server.url)
    assert any("receive_response_headers" in text for text in records.texts)


def test_the_search_would_find_them() -> None:
    assert shown(f"x{quote(KEY, safe='')}y") == [KEY]
    assert shown(base64.b64encode(f"a:{CODE}:b".encode()).decode()) == [CODE]


@pytest.mark.parametrize("value", [f" {KEY}", f"{KEY}\n", f"{KEY}é", f"{KEY}\0"])
def test_a_key_that_is_refused_is_not_shown(value: str) -> None:
    with pytest.raises(Invalid, match="not a valid API key") as caught:
        ApiKey.from_setting(value)
    assert "visible ASCII" in caught.value.remedy
    assert shown("".join(traceback.format_exception(caught.value))) == []


def test_a_key_is_text() -> None:
    with pytest.raises(ValueError, match="must be text"):
        ApiKey.from_setting(7)
