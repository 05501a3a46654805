"""The check of the key says what it may do, and sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from passpost import Finding
from passpost_sendgrid.config import SendGridConfig
from passpost_sendgrid.hooks import check_connection, open_session
from passpost_sendgrid_stand_in.server import KEY_WITHOUT_RIGHT, StandIn
from pytest_passpost import Answer


async def checked(configure: Callable[..., SendGridConfig], **settings: Any) -> Finding:
    config = configure(**settings)
    async with open_session(config) as session:
        (finding,) = await check_connection(config, session)
    return finding


@pytest.mark.anyio
async def test_a_key_that_may_send(
    configure: Callable[..., SendGridConfig], sendgrid: StandIn
) -> None:
    finding = await checked(configure)
    assert (finding.id, finding.result) == ("auth.ok", "ok")
    assert sendgrid.received == ()


@pytest.mark.anyio
async def test_a_key_that_may_not_send(configure: Callable[..., SendGridConfig]) -> None:
    finding = await checked(configure, apiKey=KEY_WITHOUT_RIGHT)
    assert (finding.id, finding.result) == ("auth.not-allowed", "error")
    assert "Mail Send" in finding.remedy


@pytest.mark.anyio
async def test_a_wrong_key(configure: Callable[..., SendGridConfig]) -> None:
    finding = await checked(configure, apiKey="SG.wrong.wrong")
    assert (finding.id, finding.result) == ("auth.rejected", "error")
    assert "SG.wrong" not in f"{finding.evidence}{finding.remedy}"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "expected"),
    [(404, "auth.failed"), (308, "auth.failed"), (500, "auth.failed"), (429, "auth.failed")],
)
async def test_what_the_server_says_otherwise(
    status: int,
    expected: str,
    configure: Callable[..., SendGridConfig],
    sendgrid: StandIn,
) -> None:
    sendgrid.server.answer(Answer(status))
    finding = await checked(configure)
    assert (finding.id, finding.result) == (expected, "error")
    assert finding.remedy
