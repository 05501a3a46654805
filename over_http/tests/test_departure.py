"""The client marks the moment that the body of an email's request leaves, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from passpost import SendError, wire
from pytest_passpost import Answer, Fault, HttpServer, refusing_port

pytestmark = pytest.mark.anyio

TAKEN = Answer.json({"id": "42"}, 202)


async def posted(opened: Callable[..., Any], url: str, **options: Any) -> tuple[bool, str]:
    """Make one request; return whether its email never left, and what came of it."""
    mark = wire.departure()
    with mark:
        async with opened(url) as client:
            try:
                answer = await client.post("/", b"x", {}, **options)
            except SendError as error:
                return mark.withdraw(), error.outcome
    return mark.withdraw(), str(answer.status)


async def test_the_moment(opened: Callable[..., Any]) -> None:
    with HttpServer(TAKEN) as server:
        assert await posted(opened, server.url) == (False, "202")
        # A second one on a connection that is kept is marked as well.
        async with opened(server.url) as client:
            for _ in range(2):
                with (mark := wire.departure()):
                    await client.post("/", b"x", {})
                assert not mark.withdraw()


async def test_a_request_that_sends_no_email_marks_nothing(opened: Callable[..., Any]) -> None:
    with HttpServer(TAKEN) as server:
        assert await posted(opened, server.url, is_email=False) == (True, "202")
        with (mark := wire.departure()):
            async with opened(server.url) as client:
                await client.get("/", {})
        assert mark.withdraw()


@pytest.mark.parametrize("action", ["close", "reset"])
async def test_what_breaks_once_the_request_is_there_has_left(
    opened: Callable[..., Any], action: Any
) -> None:
    with HttpServer(TAKEN, faults=[Fault("request", action)]) as server:
        assert await posted(opened, server.url) == (False, "unknown")


async def test_nobody_listens(opened: Callable[..., Any]) -> None:
    with refusing_port() as port:
        assert await posted(opened, f"http://127.0.0.1:{port}") == (True, "rejected")


async def test_the_way_through_a_proxy_is_not_the_email(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(Answer(502)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert await posted(opened, "https://api.example.com") == (True, "rejected")
        assert [request.method for request in proxy.requests] == ["CONNECT"]


async def test_nothing_leaves_once_the_attempt_is_over(opened: Callable[..., Any]) -> None:
    with HttpServer(TAKEN) as server:
        with (mark := wire.departure()):
            assert mark.withdraw()
            async with opened(server.url) as client:
                with pytest.raises(SendError) as caught:
                    await client.post("/", b"x", {})
                assert caught.value.outcome == "rejected"
        server.wait_ended()
        assert server.requests == []
        # The pool is whole.
        assert await posted(opened, server.url) == (False, "202")
