from __future__ import annotations

from typing import Any

import pytest

from passpost_aliyun_dm.check import findings
from passpost_aliyun_dm.client import DirectMail
from passpost_aliyun_dm_stand_in.server import BATCH_SENDER, FROZEN_SENDER, StandIn
from pytest_passpost import Answer, Fault, HttpServer

pytestmark = pytest.mark.anyio


async def check(config: Any) -> list[tuple[str, str]]:
    async with DirectMail(config) as session:
        found = await findings(config, session)
    assert all(finding.evidence for finding in found)
    assert all(bool(finding.remedy) is (finding.result != "ok") for finding in found)
    return [(finding.subject, finding.result) for finding in found]


GOOD = [("access key", "ok"), ("account", "ok"), ("sender address", "ok")]


@pytest.mark.parametrize("version", ["3", "1.0"])
async def test_all_is_well(aliyun: StandIn, configure: Any, version: str) -> None:
    assert await check(configure(signatureVersion=version)) == GOOD
    assert await check(configure(**aliyun.temporary_settings, signatureVersion=version)) == GOOD
    assert aliyun.received == ()


async def test_a_wrong_key_ends_it(aliyun: StandIn, configure: Any) -> None:
    assert await check(configure(**aliyun.wrong_settings)) == [("access key", "error")]
    assert len(aliyun.server.requests) == 1


async def test_a_service_that_cannot_be_reached_ends_it(aliyun: StandIn, configure: Any) -> None:
    aliyun.break_with(Fault("request", "reset", times=None))
    assert await check(configure()) == [("access key", "error")]


async def test_a_key_that_may_only_send_is_no_error(aliyun: StandIn, configure: Any) -> None:
    aliyun.service.allowed = frozenset({"SingleSendMail"})
    assert await check(configure()) == [("access key", "warning"), ("sender address", "warning")]
    aliyun.service.allowed = frozenset({"QueryMailAddressByParam"})
    assert await check(configure()) == [("access key", "warning"), ("sender address", "ok")]


@pytest.mark.parametrize(
    ("state", "result"),
    [
        (0, "ok"),
        ("0", "ok"),
        (1, "error"),
        (2, "error"),
        (4, "error"),
        (8, "error"),
        (99, "warning"),
    ],
)
async def test_the_state_of_the_account(
    aliyun: StandIn, configure: Any, state: Any, result: str
) -> None:
    aliyun.service.account_status = state
    assert (await check(configure()))[1] == ("account", result)


@pytest.mark.parametrize(
    ("sender", "result"),
    [
        ("No-Reply@mail.example.com", "ok"),
        ("nobody@mail.example.com", "error"),
        ("no+reply@mail.example.com", "error"),
        (FROZEN_SENDER, "error"),
        (BATCH_SENDER, "warning"),
    ],
)
async def test_the_sender_address(
    aliyun: StandIn, configure: Any, sender: str, result: str
) -> None:
    assert (await check(configure(accountName=sender)))[2] == ("sender address", result)


async def test_a_sender_that_is_no_key_word_is_sought_by_its_domain(
    aliyun: StandIn, configure: Any
) -> None:
    await check(configure(accountName="no_reply@mail.example.com"))
    assert aliyun.server.requests[-1].query["KeyWord"] == "mail.example.com"


@pytest.mark.parametrize(
    ("summary", "senders", "expected"),
    [
        ({}, {}, ["ok", "warning", "error"]),
        ({"UserStatus": 0}, {"data": []}, ["ok", "ok", "error"]),
        ({"UserStatus": 0, "DailyQuota": "x"}, {"data": {"mailAddress": 7}}, ["ok", "ok", "error"]),
        ([], {"data": {"mailAddress": [7, {}]}}, ["ok", "warning", "error"]),
    ],
)
async def test_answers_of_another_shape_are_understood_as_far_as_they_go(
    configure: Any, summary: Any, senders: Any, expected: list[str]
) -> None:
    with HttpServer([Answer.json(summary), Answer.json(senders)]) as server:
        found = await check(configure(endpoint=server.url))
    assert [result for _, result in found] == expected


async def test_an_unverified_domain(configure: Any) -> None:
    entry = {"AccountName": "no-reply@mail.example.com", "DomainStatus": "1"}
    senders = {"data": {"mailAddress": [entry]}}
    with HttpServer([Answer.json({"UserStatus": 0}), Answer.json(senders)]) as server:
        found = await check(configure(endpoint=server.url))
    assert found[2] == ("sender address", "error")
