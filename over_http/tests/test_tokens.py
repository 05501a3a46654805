from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import attrs
import pytest

from passpost import SendError
from passpost.http import AccessToken, basic_auth
from pytest_passpost import Answer, Fault, Hold, HttpServer

pytestmark = pytest.mark.anyio

ISSUED = Answer.json({"access_token": "token-1", "token_type": "Bearer", "expires_in": 600})
FORM = {"grant_type": "client_credentials"}


def token_of(client: Any, registered: list[str]) -> AccessToken:
    return AccessToken(client, "/token", FORM, registered.append, basic_auth("id", "secret"))


async def test_one_token_serves_all_and_is_registered(opened: Any, mail: Any) -> None:
    registered: list[str] = []
    with HttpServer(ISSUED) as server:
        async with opened(server.url) as client:
            token = token_of(client, registered)
            assert registered == []
            found = await asyncio.gather(*(token.headers(mail) for _ in range(10)))
        (request,) = server.requests
    assert found == [{"authorization": "Bearer token-1"}] * 10
    assert registered == ["token-1"]
    assert (request.target, request.form) == ("/token", FORM)
    assert request.header("authorization") == "Basic aWQ6c2VjcmV0"


@pytest.mark.parametrize(
    ("lifetime", "requests"),
    [(600, 1), ("600", 1), (None, 1), (float("nan"), 1), (-1, 1), ("soon", 1), (30, 2), (60, 2)],
)
async def test_a_token_is_renewed_before_its_end(opened: Any, lifetime: Any, requests: int) -> None:
    with HttpServer(Answer.json({"access_token": "t", "expires_in": lifetime})) as server:
        async with opened(server.url) as client:
            token = token_of(client, [])
            await token.headers()
            await token.headers()
        assert len(server.requests) == requests


async def test_a_token_that_was_refused_is_forgotten(opened: Any) -> None:
    registered: list[str] = []
    with HttpServer([ISSUED, Answer.json({"access_token": "token-2"})]) as server:
        async with opened(server.url) as client:
            token = token_of(client, registered)
            await token.headers()
            token.forget()
            assert await token.headers() == {"authorization": "Bearer token-2"}
    assert registered == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("answer", "scope", "temporary"),
    [
        (Answer.json({"error": "invalid_client"}, 401), "account", False),
        (Answer.json({"error": "invalid_grant"}, 400), "account", False),
        (Answer(500), "provider", True),
        (Answer(429), "provider", True),
        (Answer(303), "provider", False),
        (Answer(200, "<html>"), "provider", False),
        (Answer.json({"access_token": 5}), "provider", False),
        (Answer.json({"access_token": ""}), "provider", False),
        (Answer.json({"access_token": "a\r\nx-injected: b"}), "provider", False),
    ],
    ids=lambda value: value.body.decode() if isinstance(value, Answer) else "",
)
async def test_without_a_token_nothing_was_sent(
    opened: Any, mail: Any, answer: Answer, scope: str, *, temporary: bool
) -> None:
    with HttpServer(answer) as server:
        async with opened(server.url) as client:
            with pytest.raises(SendError) as caught:
                await token_of(client, []).headers(mail)
    error = caught.value
    assert (error.outcome, error.scope, error.temporary) == ("rejected", scope, temporary)
    assert "token endpoint" in str(error)


async def test_a_request_for_a_token_that_breaks_sent_nothing(opened: Any) -> None:
    with HttpServer(ISSUED, faults=[Fault("answer", "close")]) as server:
        async with opened(server.url) as client:
            with pytest.raises(SendError) as caught:
                await token_of(client, []).headers()
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")


async def test_waiting_for_a_token_keeps_the_deadline(opened: Any, mail: Any) -> None:
    hold = Hold()
    late = attrs.evolve(mail, deadline=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.1))
    with HttpServer(ISSUED, faults=[Fault("answer", hold)]) as server:
        async with opened(server.url) as client:
            token = token_of(client, [])
            first = asyncio.create_task(token.headers(mail))
            assert await asyncio.to_thread(hold.reached.wait, 5)
            with pytest.raises(SendError, match="before the deadline") as caught:
                await token.headers(late)
            hold.release()
            await first
    assert caught.value.outcome == "rejected"
