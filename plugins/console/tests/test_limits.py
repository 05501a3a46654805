"""Wrong secrets, browsers that leave, and clients that let a console wait."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import h11
import httpx
import pytest
from console_driving import Client, Running, Served
from inbox_driving import opened
from uvicorn.protocols.http.h11_impl import H11Protocol

from passpost_console import Console
from passpost_console.gate import Gate
from passpost_console.inbox_site import InboxSite
from passpost_console.pace import ALL_GUESSES, GUESSES, Guesses, Pace
from passpost_console.patience import Patience
from passpost_console.remembered import Latest

KEY: Final = "correct horse battery"
PATIENCE: Final = 60


class Clock:
    """Goes on by a step each time that somebody looks at it."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 1_000.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(8025, KEY, clock)


@pytest.fixture
def closed(file: Path, gate: Gate) -> Client:
    """A browser before a console with a secret."""
    return Client(Console(file, allow=gate))


def guess(client: Client, secret: str = "wrong horse battery") -> httpx.Response:  # noqa: S107
    return client.post("/sign-in", {"secret": secret})


def test_too_many_wrong_secrets_have_to_wait(closed: Client, clock: Clock) -> None:
    assert [guess(closed).status_code for _ in range(GUESSES)] == [403] * GUESSES
    clock.now += 20.5
    response = guess(closed)
    assert (response.status_code, response.headers["retry-after"]) == (429, "40")
    assert "Too many wrong secrets. Try again in 40 seconds." in response.text
    # Not even the right one is looked at: it would tell which one it is.
    assert guess(closed, KEY).status_code == 429
    clock.now += 39.5
    assert guess(closed, KEY).status_code == 303
    assert closed.get("/").status_code == 200


def test_nobody_who_is_in_or_has_the_link_is_kept_out(
    file: Path, closed: Client, gate: Gate
) -> None:
    inside = Client(closed.app)
    guess(inside, KEY)
    for _ in range(ALL_GUESSES):
        guess(closed)
    assert inside.get("/").status_code == 200
    assert Client(closed.app).get(f"/enter?token={gate.token}").status_code == 303


def test_a_right_secret_does_not_count(closed: Client) -> None:
    for _ in range(2 * GUESSES):
        assert guess(closed, KEY).status_code == 303


def test_one_address_does_not_keep_another_one_out(clock: Clock) -> None:
    guesses = Guesses(clock)
    waits = [guesses.begin("192.0.2.1") for _ in range(GUESSES + 1)]
    assert waits == [*[0.0] * GUESSES, 60.0]
    assert guesses.begin("192.0.2.2") == 0


def test_all_addresses_together_have_a_limit(clock: Clock) -> None:
    guesses = Guesses(clock)
    waits = [guesses.begin(f"192.0.2.{number}") for number in range(ALL_GUESSES + 1)]
    assert waits == [*[0.0] * ALL_GUESSES, 60.0]
    # What was not looked at is not counted.
    clock.now += 60
    last = f"192.0.2.{ALL_GUESSES}"
    assert [guesses.begin(last) for _ in range(GUESSES)] == [0.0] * GUESSES


def test_a_pace_is_kept_in_any_minute(clock: Clock) -> None:
    pace = Pace(2, clock)
    pace.take_back()
    assert pace.begin() == 0
    clock.now += 30
    assert (pace.begin(), pace.begin()) == (0, 30)
    clock.now += 30
    assert (pace.begin(), pace.begin()) == (0, 30)


def test_the_oldest_of_many_is_forgotten() -> None:
    latest: Latest[int] = Latest(2)
    for name in ("a", "b"):
        latest.keep(name, 1)
    assert latest.get_or_keep("a", lambda: 2) == 1
    latest.keep("c", 3)
    assert [latest.get(name) for name in ("a", "b", "c")] == [1, None, 3]


def test_a_browser_that_leaves_is_out(file: Path, gate: Gate) -> None:
    browser, other = (Client(Console(file, allow=gate)) for _ in range(2))
    for one in (browser, other):
        guess(one, KEY)
    assert 'action="/sign-out"' in browser.get("/").text
    (kept,) = (one.value or "" for one in browser.cookies.jar)
    response = browser.post("/sign-out")
    assert response.headers["location"] == "/sign-in"
    assert not browser.cookies.jar
    assert 'action="/sign-out"' not in browser.get("/sign-in").text
    # Whoever has copied the cookie is out, too.
    browser.cookies.set(gate.cookie, kept)
    assert browser.get("/").status_code == 303
    assert other.get("/").status_code == 200


def test_without_a_secret_it_says_how_to_enter_again(file: Path) -> None:
    gate = Gate(8025)
    browser = Client(Console(file, allow=gate))
    browser.get(f"/enter?token={gate.token}")
    # A link or a picture lets nobody out.
    assert browser.get("/sign-out").headers["location"] == "/"
    assert browser.get("/").status_code == 200
    response = browser.post("/sign-out")
    assert "it prints a new link" in response.text
    assert 'action="/sign-out"' not in response.text
    assert browser.get("/").status_code == 403


def test_the_language_is_chosen_before_the_way_in(file: Path, gate: Gate) -> None:
    for browser, page in (
        (Client(Console(file, allow=gate)), "/sign-in"),
        (Client(Console(file, allow=Gate(8025))), "/"),
    ):
        response = browser.post("/language", {"language": "zh-CN", "back": page})
        assert response.headers["location"] == page
        assert '<html lang="zh-CN">' in browser.get(page).text


def test_an_application_has_its_own_way_out(client: Client) -> None:
    assert "/sign-out" not in client.get("/").text
    assert client.post("/sign-out").status_code == 404


HEAD: Final = b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1"
BODY: Final = (
    b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nsecret="
)


def connected(served: Served, sent: bytes) -> socket.socket:
    port = int(served.origin.rpartition(":")[2])
    client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    client.sendall(sent % (port, port) if sent is BODY else sent)
    return client


def read_to_the_end(client: socket.socket) -> bytes:
    read = b""
    try:
        while part := client.recv(65_536):
            read += part
    except ConnectionResetError:
        pass
    return read


@pytest.fixture(params=["console", "inbox"])
def serve(request: pytest.FixtureRequest, file: Path) -> Iterator[Callable[..., Served]]:
    """Return what makes each site that has a server of its own."""
    with opened() as inbox:
        if request.param == "console":
            yield lambda clock: Running(file, secret=KEY, clock=clock)
        else:
            yield lambda clock: Served(
                lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts),
                secret=KEY,
                clock=clock,
            )


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, BODY])
def test_a_client_that_is_too_slow_is_let_go(
    serve: Callable[..., Served], sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(step=5)
    with serve(clock) as served, connected(served, sent) as client:
        assert read_to_the_end(client) == b""
        clock.step = 0
        assert clock.now >= 1_000 + (60 if sent is BODY else 10)
        assert httpx.get(f"{served.origin}/", timeout=PATIENCE).status_code == 303
    assert capfd.readouterr().err == ""


def test_a_client_has_its_time(serve: Callable[..., Served], clock: Clock) -> None:
    with serve(clock) as served, connected(served, HEAD) as client:
        for _ in range(2):
            assert httpx.get(f"{served.origin}/", timeout=PATIENCE).status_code == 303
        port = served.origin.rpartition(":")[2].encode()
        client.sendall(b":" + port + b"\r\nConnection: close\r\n\r\n")
        assert read_to_the_end(client).startswith(b"HTTP/1.1 ")


def test_a_client_that_takes_no_response_is_let_go(clock: Clock) -> None:
    ended: list[str] = []
    connection: Any = H11Protocol.__new__(H11Protocol)
    connection.conn = SimpleNamespace(their_state=h11.DONE)
    connection.flow = SimpleNamespace(write_paused=True)
    connection.cycle = object()
    connection.transport = SimpleNamespace(abort=lambda: ended.append("response"))
    patience = Patience(clock)

    def later(seconds: float) -> None:
        clock.now += seconds
        patience.look([connection])

    later(0)
    later(59)
    # It takes a part, and then another one.
    for paused in (False, True):
        connection.flow.write_paused = paused
        later(1)
    later(59)
    assert ended == []
    later(1)
    assert ended == ["response"]
