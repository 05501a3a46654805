from __future__ import annotations

import asyncio
import datetime as dt
import threading
from typing import Any

import attrs
import pytest

from passpost import Secret, SendError, http
from passpost_http import client as client_module
from pytest_passpost import Action, Answer, Channel, Fault, Hold, HttpServer

pytestmark = pytest.mark.anyio

TAKEN = Answer.json({"id": "42"}, 202)


@attrs.frozen(eq=False)
class End(Action):
    """Ends the connection, and tells when it did."""

    done: threading.Event = attrs.field(factory=threading.Event)

    async def run(self, channel: Channel, honest: bytes) -> bool:
        channel.end()
        self.done.set()
        await channel.drain()
        return False


async def test_a_request_arrives_as_it_was_meant(opened: Any) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(server.url) as client:
            answer = await client.post("/v1/mail?a=b", b"body", {"x-key": "k"})
            assert client.host == f"127.0.0.1:{server.port}"
        (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/v1/mail?a=b", b"body")
    assert dict(request.headers) == {
        "host": f"127.0.0.1:{server.port}", "accept": "application/json", "x-key": "k",
        "accept-encoding": "identity", "user-agent": "passpost-test/1.0", "content-length": "4",
    }  # fmt: skip
    assert (answer.status, answer.is_success, answer.document()) == (202, True, {"id": "42"})
    assert answer.headers.get("content-type") == "application/json;charset=utf-8"


async def test_json_is_sent_compact_and_in_utf_8(opened: Any, mail: Any) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(f"{server.url}/base") as client:
            await client.post_json("", {"subject": "验证码", "to": ["a"]}, {"x-key": "k"}, mail)
        (request,) = server.requests
    assert request.target == "/base"
    assert request.body == '{"subject":"验证码","to":["a"]}'.encode()
    assert request.header("content-type") == "application/json"
    assert request.header("x-key") == "k"


async def test_asking_for_something(opened: Any) -> None:
    with HttpServer([Answer.json({"id": 1}), Answer.redirect("/elsewhere")]) as server:
        async with opened(server.url) as client:
            answer = await client.get("/account", {"x-key": "k"})
            assert (await client.get("/account", {})).status == 307
        request = server.requests[0]
    assert (request.method, request.target, request.body) == ("GET", "/account", b"")
    assert request.header("x-key") == "k"
    assert answer.document() == {"id": 1}


async def test_asking_sends_no_mail(opened: Any) -> None:
    with HttpServer(TAKEN, faults=[Fault("answer", "close")]) as server:
        async with opened(server.url) as client:
            with pytest.raises(SendError) as caught:
                await client.get("/account", {})
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")
    assert caught.value.__context__ is None


async def test_a_request_that_is_no_email_is_rejected_when_it_breaks(opened: Any) -> None:
    with HttpServer([Answer(500), TAKEN], faults=[Fault("answer", "close", after=1)]) as server:
        async with opened(server.url) as client:
            answer = await client.post("/token", b"x", {}, is_email=False)
            assert answer.refusal("Acme").outcome == "rejected"
            with pytest.raises(SendError) as caught:
                await client.post("/token", b"x", {}, is_email=False)
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")


async def test_a_form_is_encoded(opened: Any, mail: Any) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(server.url) as client:
            form = {"to": "Ada <ada@example.com>", "text": "验证码 & 1+1=2"}
            await client.post_form("/messages", form, http.basic_auth("api", Secret("k:ey")), mail)
        (request,) = server.requests
    assert request.form == form
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert request.header("authorization") == "Basic YXBpOms6ZXk="


def test_a_user_name_without_a_colon() -> None:
    assert http.basic_auth("é", "k") == {"authorization": "Basic w6k6aw=="}
    with pytest.raises(ValueError, match="colon"):
        http.basic_auth("a:b", "k")


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("", "", "/"),
        ("/", "", "/"),
        ("/hooks/mail", "", "/hooks/mail"),
        ("/hooks/mail", "/v1?a=b%20c", "/v1?a=b%20c"),
        ("", "/größe d", "/gr%C3%B6%C3%9Fe%20d"),
    ],
)
async def test_where_a_path_leads(opened: Any, base: str, path: str, target: str) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(server.url + base) as client:
            await client.post(path, b"x", {})
        assert server.requests[0].target == target


async def test_a_path_leads_to_no_other_host(opened: Any) -> None:
    async with opened("http://127.0.0.1:9") as client:
        for path in ("https://elsewhere.example/", "//elsewhere.example/", "http://127.0.0.1:10/"):
            with pytest.raises(ValueError, match="another host"):
                await client.post(path, b"x", {})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example", "api.example"),
        ("https://api.example:443", "api.example"),
        ("https://api.example:8443", "api.example:8443"),
        ("http://[::1]:8025", "[::1]:8025"),
    ],
)
async def test_the_host_header(opened: Any, url: str, host: str) -> None:
    async with opened(url) as client:
        assert client.host == host


async def test_all_requests_share_one_connection(opened: Any) -> None:
    with HttpServer([Answer(500), Answer(429), TAKEN]) as server:
        async with opened(server.url) as client:
            for _ in range(20):
                await client.post("/", b"x", {})
        assert len(server.requests) == 20
        assert server.connection_count == 1
        server.wait_closed()


async def test_a_closed_client_sends_nothing(opened: Any) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(server.url) as client:
            await client.post("/", b"x", {})
        with pytest.raises(RuntimeError, match="closed"):
            await client.post("/", b"x", {})
        assert len(server.requests) == 1


async def test_many_at_once(opened: Any) -> None:
    with HttpServer(lambda request: Answer(200, request.body)) as server:
        async with opened(server.url) as client:
            bodies = [str(number).encode() for number in range(50)]
            answers = await asyncio.gather(*(client.post("/", body, {}) for body in bodies))
    assert [answer.body for answer in answers] == bodies


async def test_no_request_is_repeated(opened: Any) -> None:
    with HttpServer(TAKEN, faults=[Fault("answer", "close")]) as server:
        async with opened(server.url) as client:
            with pytest.raises(SendError):
                await client.post("/", b"x", {})
        assert len(server.requests) == 1
        assert server.connection_count == 1


async def test_a_connection_that_closed_while_idle_is_not_used(opened: Any) -> None:
    end = End()
    with HttpServer(TAKEN, faults=[Fault("idle", end)]) as server:
        async with opened(server.url) as client:
            await client.post("/", b"x", {})
            assert await asyncio.to_thread(end.done.wait, 5)
            await client.post("/", b"x", {})
        assert len(server.requests) == 2
        assert server.connection_count == 2


async def test_a_cancelled_request_leaves_the_client_usable(opened: Any) -> None:
    hold = Hold()
    with HttpServer(TAKEN, faults=[Fault("answer", hold)]) as server:
        async with opened(server.url) as client:
            sending = asyncio.create_task(client.post("/", b"x", {}))
            assert await asyncio.to_thread(hold.reached.wait, 5)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            hold.release()
            assert (await client.post("/", b"x", {})).status == 202


async def test_the_deadline_of_a_mail_is_kept(opened: Any, mail: Any) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.2)
    with HttpServer(TAKEN, faults=[Fault("answer", "silence")]) as server:
        async with opened(server.url) as client:
            with pytest.raises(SendError) as caught:
                await client.post_json("/", {}, {}, attrs.evolve(mail, deadline=soon))
    assert caught.value.outcome == "unknown"


@pytest.mark.parametrize("connected", [False, True])
async def test_after_the_deadline_nothing_is_sent(opened: Any, *, connected: bool) -> None:
    with HttpServer(TAKEN) as server:
        async with opened(server.url) as client:
            if connected:
                await client.post("/", b"x", {})
            with pytest.raises(SendError) as caught:
                await client.post("/", b"x", {}, seconds_left=0.0)
        assert len(server.requests) == connected
    assert (caught.value.outcome, caught.value.scope) == ("rejected", "network")


async def test_waiting_for_a_connection_ends(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_CONNECTIONS", 1)
    hold = Hold()
    with HttpServer(TAKEN, faults=[Fault("answer", hold)]) as server:
        async with opened(server.url, connect_timeout=150) as client:
            first = asyncio.create_task(client.post("/", b"x", {}))
            assert await asyncio.to_thread(hold.reached.wait, 5)
            with pytest.raises(SendError, match="no connection became free") as caught:
                await client.post("/", b"x", {})
            assert (caught.value.outcome, caught.value.temporary) == ("rejected", True)
            hold.release()
            await first
        assert len(server.requests) == 1


async def test_cookies_are_neither_kept_nor_sent(opened: Any) -> None:
    with HttpServer(Answer(200, b"", {"Set-Cookie": "a=b"})) as server:
        async with opened(server.url) as client:
            await client.post("/", b"x", {})
            await client.post("/", b"x", {})
        assert all(request.header("cookie") is None for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["{}/elsewhere", "http://[", "javascript:0"])
async def test_a_redirect_is_an_answer_and_is_not_followed(
    opened: Any, status: int, target: str
) -> None:
    with HttpServer(TAKEN) as elsewhere:
        redirect = Answer.redirect(target.format(elsewhere.url), status)
        with HttpServer(redirect) as server:
            async with opened(server.url) as client:
                answer = await client.post("/", b"x", {})
        assert (answer.status, answer.document()) == (status, {})
        assert elsewhere.connection_count == 0


async def test_an_answer_beyond_all_measure_is_not_read(opened: Any) -> None:
    full = b"x" * client_module.MAX_RESPONSE
    with HttpServer([Answer(200, full), Answer(200, full + b"x")]) as server:
        async with opened(server.url) as client:
            assert (await client.post("/", b"x", {})).body == full
            assert (await client.post("/", b"x", {})).body is None


async def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="HttpsClient"):
        http.HttpsClient  # type: ignore[attr-defined]  # noqa: B018 - that is the point
    assert all(getattr(http, name) for name in dir(http))
