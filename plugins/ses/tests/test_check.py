from __future__ import annotations

from typing import Any

import pytest

from passpost_ses import hooks
from passpost_ses_stand_in.server import VERIFIED_RECIPIENT, StandIn
from pytest_passpost import Answer, Fault, HttpServer

pytestmark = pytest.mark.anyio

GOOD = [("access key", "ok"), ("account", "ok"), ("sender", "ok")]


async def check(config: Any) -> list[tuple[str, str]]:
    async with hooks.open_session(config) as session:
        found = await hooks.check_connection(config, session)
    assert all(finding.evidence for finding in found)
    assert all(bool(finding.remedy) is (finding.result != "ok") for finding in found)
    return [(finding.subject, finding.result) for finding in found]


async def test_all_is_well(ses: StandIn, configure: Any) -> None:
    assert await check(configure()) == GOOD
    assert await check(configure(**ses.temporary_settings)) == GOOD
    assert await check(configure(fromEmail=VERIFIED_RECIPIENT)) == GOOD
    assert ses.received == ()


async def test_a_wrong_key_ends_it(ses: StandIn, configure: Any) -> None:
    assert await check(configure(**ses.wrong_settings)) == [("access key", "error")]
    assert len(ses.server.requests) == 1


async def test_a_service_that_cannot_be_reached_ends_it(ses: StandIn, configure: Any) -> None:
    ses.break_with(Fault("request", "reset", times=None))
    assert await check(configure()) == [("access key", "error")]


async def test_a_key_that_may_only_send_is_no_error(ses: StandIn, configure: Any) -> None:
    ses.allowed = frozenset({"SendEmail"})
    assert await check(configure()) == [("access key", "warning"), ("sender", "warning")]
    ses.allowed = frozenset({"GetEmailIdentity"})
    assert await check(configure()) == [("access key", "warning"), ("sender", "ok")]


async def test_the_account(ses: StandIn, configure: Any) -> None:
    ses.production = False
    assert (await check(configure()))[1] == ("account", "warning")
    ses.sending = False
    assert (await check(configure()))[1] == ("account", "error")


async def test_the_sender(ses: StandIn, configure: Any) -> None:
    ses.identities = {"example.com": False, "other@example.net": True}
    assert (await check(configure()))[2] == ("sender", "error")
    assert (await check(configure(fromEmail="other@example.net")))[2] == ("sender", "ok")
    assert (await check(configure(fromEmail="a@example.org")))[2] == ("sender", "error")


@pytest.mark.parametrize(
    ("account", "identity", "results"),
    [
        ({}, {}, ["ok", "ok", "error"]),
        ([], {"VerifiedForSendingStatus": "yes"}, ["ok", "ok", "error"]),
        ({"SendQuota": {"Max24HourSend": "x"}}, {}, ["ok", "ok", "error"]),
    ],
)
async def test_answers_of_another_shape(
    configure: Any, account: Any, identity: Any, results: list[str]
) -> None:
    with HttpServer([Answer.json(account), Answer.json(identity)]) as server:
        found = await check(configure(endpoint=server.url))
    assert [result for _, result in found] == results
