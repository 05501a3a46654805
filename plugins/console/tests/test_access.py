"""Who gets in, under which name, from which page, and what a response allows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from console_driving import ORIGIN, SECRET, Client, Running, run
from console_forms import form

from passpost_console import Console
from passpost_console.gate import Gate
from passpost_console.pages import PAGES

FOREIGN = [
    "evil.example", "127.0.0.1.evil.example:8025", "localhost.evil.example", "localhost:8026",
    "127.0.0.1", "0.0.0.0:8025", "[::1]:1", "127.0.0.1:8025@evil.example", "", "[::1",
    "127.0.0.1:8025, evil.example", "localhost.:8025", "127.0.0.1:8025/", "2130706433:8025",
]  # fmt: skip
OWN = ["127.0.0.1:8025", "localhost:8025", "LocalHost:8025", "[::1]:8025"]


@pytest.fixture
def gate() -> Gate:
    return Gate(8025)


@pytest.fixture
def alone(file: Path, gate: Gate) -> Client:
    """A browser before a console of its own."""
    names = [f"{name}:8025" for name in ("127.0.0.1", "localhost", "[::1]")]
    return Client(Console(file, allow=gate, hosts=names))


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_name_does_not_lead_to_the_console(alone: Client, gate: Gate, name: str) -> None:
    alone.get(f"/enter?token={gate.token}")
    assert alone.get("/", headers={"host": name}).status_code == 421
    assert alone.get("/static/console.css", headers={"host": name}).status_code == 421


@pytest.mark.parametrize("name", OWN)
def test_the_names_of_this_machine_do(client: Client, name: str) -> None:
    assert client.get("/", headers={"host": name}).status_code == 200


def test_two_names_are_none(client: Client) -> None:
    async def asked() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        headers = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]
        scope = {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http",
            "headers": headers, "root_path": "",
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await client.app(scope, receive, send)
        return sent

    assert run(asked())[0]["status"] == 421


def test_without_the_token_nobody_enters(alone: Client) -> None:
    for path in ("/", "/enter", "/enter?token=", "/enter?token=%ff", "/enter?token=x"):
        response = alone.get(path)
        assert response.status_code == 403, path
        assert "smtp.example.com" not in response.text
        assert "primary" not in response.text
    alone.cookies.set("passpost-console-8025", "")
    assert alone.get("/").status_code == 403


def test_the_token_works_once_and_leaves_the_url(alone: Client, gate: Gate) -> None:
    token = gate.token
    response = alone.get(f"/enter?token={token}")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert re.fullmatch(
        r"passpost-console-8025=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie
    )
    assert alone.get("/").status_code == 200
    second = Client(alone.app)
    assert second.get(f"/enter?token={token}").status_code == 403
    assert second.get("/").status_code == 403


def test_a_browser_that_looks_ahead_does_not_use_the_token_up(alone: Client, gate: Gate) -> None:
    path = f"/enter?token={gate.token}"
    alone.get(path, headers={"sec-purpose": "prefetch;prerender"})
    alone.request("HEAD", path)
    assert alone.get(path).status_code == 303


def test_the_cookie_of_another_port_does_not_fit(alone: Client, gate: Gate) -> None:
    alone.get(f"/enter?token={gate.token}")
    (value,) = (cookie.value for cookie in alone.cookies.jar)
    other = Client(alone.app)
    other.cookies.set("passpost-console-8026", value or "")
    assert other.get("/").status_code == 403


def test_a_secret_lets_in_as_often_as_it_is_known(file: Path) -> None:
    gate = Gate(8025, "correct horse battery")
    client = Client(Console(file, allow=gate))
    assert client.get("/").headers["location"] == "/sign-in"
    wrong = client.post("/sign-in", {"secret": "correct horse batterz"})
    assert wrong.status_code == 403
    assert "horse" not in wrong.text
    for _ in range(2):
        again = Client(client.app)
        assert again.post("/sign-in", {"secret": "correct horse battery"}).status_code == 303
        assert again.get("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8026"},
        {"origin": "http://127.0.0.1:8025.evil.example"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "null"},
        {},
        {"authorization": "Bearer x"},
    ],
)
@pytest.mark.parametrize("path", [page.path for page in PAGES if page.posts])
def test_a_change_from_elsewhere_is_rejected(
    client: Client, file: Path, path: str, headers: dict[str, str]
) -> None:
    before = file.read_bytes()
    response = client.request("POST", path.replace("{name:path}", "primary"), headers=headers)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "origin": ORIGIN},
        # What browsers send under `no-referrer`.
        {"sec-fetch-site": "same-origin", "origin": "null"},
        # Browsers without fetch metadata.
        {"origin": ORIGIN},
    ],
)
def test_a_change_from_an_own_page_is_accepted(client: Client, headers: dict[str, str]) -> None:
    response = client.request("POST", "/language", data={"language": "zh-CN"}, headers=headers)
    assert response.status_code == 303


def test_a_websocket_is_rejected(client: Client, running: Running) -> None:
    sent = []

    async def asked() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"127.0.0.1")]}
        await client.app(scope, receive, send)

    run(asked())
    assert sent == [{"type": "websocket.close", "code": 1008}]
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    headers = {**upgrade, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert httpx.get(f"{running.origin}/", headers=headers).status_code == 403


def responses(client: Client) -> list[httpx.Response]:
    paths = ["/", "/no-such-page", "/static/console.css", "/static/../app.py", "/%2e%2e/app.py"]
    found = [client.get(path) for path in paths]
    found += [client.get("/", headers={"host": "evil.example"}), client.request("PUT", "/")]
    return found


def test_each_response_has_its_policy(client: Client) -> None:
    for response in responses(client):
        headers = response.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer" or response.status_code == 421
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_over_plain_http_from_elsewhere_browsers_are_told_to_name_the_origin(file: Path) -> None:
    app = Console(file, allow=lambda scope: True, hosts=["192.0.2.7"])
    policies = [
        Client(app, f"{scheme}://192.0.2.7:8025").get("/").headers["referrer-policy"]
        for scheme in ("http", "https")
    ]
    assert policies == ["same-origin", "no-referrer"]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(client: Client) -> None:
    for response in responses(client):
        if "html" in response.headers["content-type"]:
            assert not re.search(r"(?i)<style|\sstyle=|\son\w+=|javascript:", response.text)
            assert not re.search(r"<script(?! src=\"/static/)", response.text)
            assert not re.search(r"(?:src|href|action)=\"(?!/(?!/)|#)", response.text)


def test_no_response_has_a_secret(client: Client) -> None:
    assert [r.url for r in responses(client) if SECRET in r.text or SECRET in str(r.headers)] == []


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"]
)
def test_only_assets_are_served(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_large_request_is_rejected(client: Client) -> None:
    assert client.post("/language", {"language": "x" * (5 << 20)}).status_code == 413
    many = {f"field{index}": "1" for index in range(3_000)}
    assert client.post("/language", many).status_code == 400


def test_a_console_answers_under_any_root_path(file: Path) -> None:
    inner = Console(file, allow=lambda scope: True)

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "root_path": "/admin/email"}, receive, send)

    client = Client(outer)
    page = client.get("/admin/email/")
    assert page.status_code == 200
    for place in re.findall(r'(?:src|href|action)="(/[^"]*)"', page.text):
        assert place.startswith("/admin/email/")
        if "language" not in place:
            assert client.get(place).status_code == 200, place
    changed = client.post("/admin/email/language", {"language": "zh-CN", "back": "/"})
    assert changed.headers["location"] == "/admin/email/"
    assert "Path=/admin/email/" in changed.headers["set-cookie"]


@pytest.mark.parametrize("answer", [False, None, 0])
def test_the_application_decides_who_enters(file: Path, answer: Any) -> None:
    seen = []

    async def allow(scope: Any) -> Any:
        seen.append(scope["path"])
        return answer

    client = Client(Console(file, allow=allow))
    assert client.get("/").status_code == 403
    assert client.post("/language", {"language": "en"}).status_code == 403
    assert seen == ["/", "/language"]


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_the_language_leads_back_to_an_own_page(client: Client, back: str) -> None:
    response = client.post("/language", {"language": "zh-CN", "back": back})
    assert response.headers["location"] == "/"


def test_the_language_leads_back_to_what_was_asked_for(client: Client) -> None:
    here = "/template/new?usage=SignIn&path=x&self=%26"
    back = form(client.get(here), "/language")["back"]
    response = client.post("/language", {"language": "zh-CN", "back": back})
    assert response.headers["location"] == here
    assert "canary-token" not in client.get("/?token=canary-token").text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), ("zh-TW", "zh-CN"), ("en-GB,en", "en"),
        ("de,zh;q=0.3,en;q=0.2", "zh-CN"), ("", "en"), ("fr", "en"), ("zh;q=0", "en"),
        ("zh;q=x,en;q=0.5", "en"),
    ],
)  # fmt: skip
def test_a_page_is_in_the_language_of_the_browser(
    client: Client, header: str, language: str
) -> None:
    page = client.get("/", headers={"accept-language": header}).text
    assert f'<html lang="{language}">' in page
    assert ("概览" in page) == (language == "zh-CN")


def test_the_reader_chooses_another_language(client: Client) -> None:
    client.post("/language", {"language": "zh-CN"})
    assert "概览" in client.get("/").text
    client.post("/language", {"language": "<script>"})
    assert "概览" in client.get("/").text
