"""Each row of the page about outcomes, produced by a real server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from passpost import SendError
from passpost_http import client as client_module
from pytest_passpost import (
    Action,
    Answer,
    CertificateAuthority,
    Channel,
    Fault,
    Hold,
    HttpServer,
    Truncated,
    accept_then,
    refusing_port,
    silent_port,
)

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs/en/reference/outcomes.md"
TAKEN = Answer.json({"id": "42"}, 202)
SHORT = {"connect_timeout": 300, "read_timeout": 300, "total_timeout": 600}


def rows() -> dict[str, list[str]]:
    section = PAGE.read_text("utf-8").partition("\n## HTTP\n")[2].partition("\n## ")[0]
    lines = [re.split(r" ?\| ?", line)[1:-1] for line in section.splitlines() if line[:1] == "|"]
    return {event: told for event, *told in lines[2:]}


@attrs.frozen
class Scene:
    """What the events happen in."""

    opened: Callable[..., Any]
    monkeypatch: pytest.MonkeyPatch
    authority: CertificateAuthority

    async def ask(self, url: str, **options: Any) -> list[str]:
        async with self.opened(url, **SHORT) as client:
            return await self.asked(client, **options)

    async def asked(self, client: Any, **options: Any) -> list[str]:
        try:
            answer = await client.post("/", b"x", {}, **options)
        except SendError as error:
            return told(error)
        if answer.status == 202:
            return ["accepted", "", ""]
        return told(answer.refusal("Acme"))

    async def served(self, answers: Any, *faults: Fault, **options: Any) -> list[str]:
        with HttpServer(answers, faults=faults) as server:
            return await self.ask(server.url, **options)


def told(error: SendError) -> list[str]:
    return [error.outcome, error.scope, "yes" if error.temporary else "no"]


Event = Callable[[Scene], Any]
EVENTS: dict[str, Event] = {}


def event(name: str) -> Callable[[Event], Event]:
    def noted(function: Event) -> Event:
        EVENTS[name] = function
        return function

    return noted


def statuses(*codes: int) -> Event:
    async def run(scene: Scene) -> list[str]:
        found = [await scene.served(Answer(code)) for code in codes]
        assert all(one == found[0] for one in found)
        return found[0]

    return run


@event("the hostname does not resolve")
async def _(scene: Scene) -> Any:
    return await scene.ask("https://api.passpost.invalid")


@event("the hostname leads to addresses that are not allowed only")
async def _(scene: Scene) -> Any:
    return await scene.ask("https://169.254.169.254")


@event("the port is closed")
async def _(scene: Scene) -> Any:
    with refusing_port() as port:
        return await scene.ask(f"http://127.0.0.1:{port}")


@event("no connection in time")
async def _(scene: Scene) -> Any:
    with silent_port() as port:
        return await scene.ask(f"http://127.0.0.1:{port}")


@event("the certificate is not trusted")
async def _(scene: Scene) -> Any:
    with HttpServer(
        TAKEN, tls=True, certificate="self-signed", authority=scene.authority
    ) as server:
        return await scene.ask(server.url)


@event("the server does not speak TLS")
async def _(scene: Scene) -> Any:
    fault = Fault("tls", "garbage", times=None)
    with HttpServer(TAKEN, tls=True, authority=scene.authority, faults=[fault]) as server:
        return await scene.ask(server.url)


async def behind_proxy(scene: Scene, *codes: int) -> list[str]:
    found = []
    for code in codes:
        with HttpServer(Answer(code)) as proxy:
            scene.monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            found.append(await scene.ask("https://api.passpost.invalid"))
    assert all(one == found[0] for one in found)
    return found[0]


@event("the proxy responds with 403 or 407")
async def _(scene: Scene) -> Any:
    return await behind_proxy(scene, 403, 407)


@event("the proxy responds with 502, 503 or 504")
async def _(scene: Scene) -> Any:
    return await behind_proxy(scene, 502, 503, 504)


@event("all connections are in use for too long")
async def _(scene: Scene) -> Any:
    scene.monkeypatch.setattr(client_module, "MAX_CONNECTIONS", 1)
    hold = Hold()
    with HttpServer(TAKEN, faults=[Fault("answer", hold)]) as server:
        async with scene.opened(server.url, connect_timeout=150) as client:
            first = asyncio.create_task(client.post("/", b"x", {}))
            assert await asyncio.to_thread(hold.reached.wait, 5)
            found = await scene.asked(client)
            hold.release()
            await first
    return found


@attrs.frozen
class Followed(Action):
    needs_reply = True

    async def run(self, channel: Channel, honest: bytes) -> bool:
        await channel.send(honest * 2)
        return True


@event("a kept connection ended, or has something on it, before the request left: another is used")
async def _(scene: Scene) -> Any:
    with HttpServer([TAKEN, TAKEN], faults=[Fault("answer", Followed())]) as server:
        async with scene.opened(server.url) as client:
            await client.post("/", b"x", {})
            found = await scene.asked(client)
        assert server.connection_count == 2
    return found


@event("the connection ends or breaks after the request began to leave")
async def _(scene: Scene) -> Any:
    found = [
        await scene.served(TAKEN, Fault(phase, action))
        for phase in ("request", "answer")
        for action in ("close", "reset")
    ]
    assert all(one == found[0] for one in found)
    return found[0]


@event("no response in time")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN, Fault("answer", accept_then("silence")))


@event("the response is not HTTP")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN, Fault("answer", "garbage"))


@event("the response ends before its end")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN, Fault("answer", Truncated()))


@event("the response that the connector looks for")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN)


@event("the same, and something follows it: the connection ends")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN, Fault("answer", Followed()))


EVENTS |= {
    "any other 1xx or 2xx": statuses(200, 201, 204, 299),
    "301, 307, 308": statuses(301, 307, 308),
    "302, 303, any other 3xx: the request may have been handled": statuses(300, 302, 303, 304),
    "401, 403, 404": statuses(401, 403, 404),
    "407": statuses(407),
    "408, 425, 429, 503": statuses(408, 425, 429, 503),
    "413": statuses(413),
    "any other 4xx": statuses(400, 405, 410, 422, 451),
    "500, 502, 504, any other 5xx: a gateway may have passed it on": statuses(500, 502, 504, 599),
}


@event("a request that sends no email, such as one for a token, gets 500")
async def _(scene: Scene) -> Any:
    return await scene.served(Answer(500), is_email=False)


@event("the connection of such a request breaks")
async def _(scene: Scene) -> Any:
    return await scene.served(TAKEN, Fault("answer", "reset"), is_email=False)


def test_every_row_has_its_event() -> None:
    assert list(rows()) == sorted(EVENTS, key=list(rows()).index)


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_means_what_the_page_says(
    opened: Any, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert await EVENTS[name](Scene(opened, monkeypatch, authority)) == rows()[name]
