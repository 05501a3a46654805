"""The HTTP server as clients of others know it, and on a raw socket."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import h11
import httpx
import pytest

from pytest_passpost import (
    Answer,
    EndlessBody,
    EndlessHead,
    Fault,
    Garbage,
    Hold,
    HttpServer,
    Request,
    SlowHead,
    Truncated,
    WrongLength,
    reply,
)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def test_a_request_is_recorded(client: httpx.Client) -> None:
    with HttpServer(Answer.json({"id": "ä"})) as server:
        answer = client.post(
            server.url + "/v3/mail%20send?a=1&b=%20x",
            data={"Action": "SingleSendMail", "ToAddress": "a+b@example.com", "empty": ""},
            headers=[("X-Repeat", "1"), ("X-Repeat", "2")],
        )
        assert answer.json() == {"id": "ä"}
        request = server.requests[0]
        assert (request.method, request.path) == ("POST", "/v3/mail%20send")
        assert request.query == {"a": "1", "b": " x"}
        assert request.form == {
            "Action": "SingleSendMail",
            "ToAddress": "a+b@example.com",
            "empty": "",
        }
        assert request.header("Content-Type") == "application/x-www-form-urlencoded"
        assert request.header("X-Repeat") == "1, 2"
        assert request.header("X-Other") is None


def test_json_and_no_parameters(client: httpx.Client) -> None:
    with HttpServer() as server:
        assert client.post(server.url, json={"code": "123456"}).status_code == 200
        assert server.requests[0].json() == {"code": "123456"}
        assert server.requests[0].query == {}


@pytest.mark.parametrize("body", ["a=1&a=2", "a", "a=%ff"])
def test_a_form_that_is_none_is_an_error(body: str, client: httpx.Client) -> None:
    with HttpServer() as server:
        client.post(server.url, content=body)
        with pytest.raises(ValueError, match=r"twice|bad query field|decode"):
            server.requests[0].form  # noqa: B018 - asking is what raises


def test_a_request_shows_neither_query_nor_body(client: httpx.Client) -> None:
    with HttpServer() as server:
        client.post(server.url + "/x?key=canary", content="canary", headers={"X-Key": "canary"})
        assert repr(server.requests) == "[Request(POST /x, octets=6)]"
        assert "canary" not in repr(Answer(200, "canary"))


def test_connections_are_kept_alive_and_counted(client: httpx.Client) -> None:
    with HttpServer() as server:
        for _ in range(3):
            client.get(server.url)
        assert server.connection_count == 1
        client.get(server.url, headers={"Connection": "close"})
        client.get(server.url)
        assert server.connection_count == 2
        assert [request.connection for request in server.requests] == [0, 0, 0, 0, 1]


def test_answers_one_after_the_other(client: httpx.Client) -> None:
    with HttpServer(
        [Answer(429, headers={"Retry-After": "3"}), Answer(204), Answer(299)]
    ) as server:
        answers = [client.get(server.url) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [429, 204, 299, 299]
        assert answers[0].headers["Retry-After"] == "3"
        assert "Content-Length" not in answers[1].headers
        server.answer(Answer.redirect("/elsewhere"))
        answer = client.get(server.url)
        assert (answer.status_code, answer.headers["Location"]) == (307, "/elsewhere")


def test_no_answers_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        HttpServer([])


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_handler_runs_in_the_servers_thread(asynchronous: bool, client: httpx.Client) -> None:
    threads = set()

    def handler(request: Request) -> Answer:
        threads.add(threading.current_thread().name)
        return Answer(200, request.body[::-1])

    async def later(request: Request) -> Answer:
        return handler(request)

    with HttpServer(later if asynchronous else handler) as server:
        assert client.post(server.url, content="abc").text == "cba"
        assert threads == {f"HttpServer:{server.port}"}


def failing(request: Request) -> Answer:
    raise LookupError("a defect of the fake")


def test_a_handler_that_fails_is_heard_of(client: httpx.Client) -> None:
    server = HttpServer(failing).__enter__()
    assert client.get(server.url).status_code == 500
    with pytest.raises(LookupError, match="a defect of the fake"):
        server.__exit__(None, None, None)


def test_a_failing_handler_hides_no_error_in_the_block(client: httpx.Client) -> None:
    server = HttpServer(failing).__enter__()
    client.get(server.url)
    server.__exit__(KeyError, KeyError(), None)


def test_an_answer_that_is_no_http_is_a_defect(client: httpx.Client) -> None:
    server = HttpServer(Answer(headers={"X": "a\r\nb"})).__enter__()
    with pytest.raises(httpx.TransportError):
        client.get(server.url)
    server.wait_closed()
    with pytest.raises(h11.LocalProtocolError, match="Illegal header value"):
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(fault="close"), "disconnected without sending"),
        (Answer(fault="reset"), "reset"),
        (Answer(fault="garbage"), "illegal"),
        (Answer(fault=Garbage(b"220 mail.example.test ESMTP\r\n")), "disconnected"),
        (Answer(200, "abc", fault=Truncated()), "incomplete|received 2 bytes, expected 3"),
        (Answer(200, "abc", fault=WrongLength()), "received 3 bytes, expected 999999"),
        (Answer(200, "abc", fault=WrongLength("none")), "bad Content-Length"),
        (Answer(fault=EndlessHead()), "too long"),
    ],
)
def test_an_answer_that_goes_wrong(answer: Answer, error: str, client: httpx.Client) -> None:
    with HttpServer([answer, Answer()]) as server:
        with pytest.raises(httpx.TransportError, match=error):
            client.get(server.url)
        assert client.get(server.url).status_code == 200
        assert server.connection_count == 2


def test_a_length_that_is_too_short(dial: Callable[[int], Any]) -> None:
    with HttpServer(Answer(200, "abc", fault=WrongLength("2"))) as server:
        wire = dial(server.port)
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.rest() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"


@pytest.mark.parametrize("fault", ["split", SlowHead(0.0001), "drip"])
def test_an_answer_that_comes_slowly(fault: Any, client: httpx.Client) -> None:
    with HttpServer(Answer(200, "abc", fault=fault)) as server:
        if fault == "drip":
            with pytest.raises(httpx.ReadTimeout):
                client.get(server.url, timeout=0.1)
        else:
            assert client.get(server.url).text == "abc"


def test_silence_lasts_until_the_client_hangs_up(client: httpx.Client) -> None:
    with HttpServer(Answer(fault="silence")) as server:
        with pytest.raises(httpx.ReadTimeout):
            client.get(server.url, timeout=0.1)
        server.wait_closed()
        assert len(server.requests) == 1


def test_a_body_of_so_many_octets(client: httpx.Client) -> None:
    with HttpServer(Answer(fault=EndlessBody(100_001))) as server:
        assert len(client.get(server.url).content) == 100_001


def test_a_body_without_end(client: httpx.Client) -> None:
    with HttpServer(Answer(fault=EndlessBody())) as server:
        with client.stream("GET", server.url) as answer:
            parts = answer.iter_bytes()
            assert sum(len(next(parts)) for _ in range(100)) > 100_000
        server.wait_closed()


@pytest.mark.parametrize(
    ("phase", "recorded", "handled"), [("connect", 0, 0), ("request", 1, 0), ("answer", 1, 1)]
)
def test_a_fault_by_script(phase: Any, recorded: int, handled: int, client: httpx.Client) -> None:
    asked = []

    def handler(request: Request) -> Answer:
        asked.append(request)
        return Answer(202)

    with HttpServer(handler, faults=[Fault(phase, "close")]) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(server.url)
        assert (len(server.requests), len(asked), server.struck) == (recorded, handled, 1)
        assert client.get(server.url).status_code == 202


def test_a_response_that_comes_twice() -> None:
    faults = [Fault("answer", "repeat")]
    with (
        HttpServer(Answer(202, "taken"), faults=faults) as server,
        socket.create_connection((server.host, server.port), timeout=10) as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        said = b""
        while said.count(b"taken") < 2:
            said += sock.recv(65536)
        assert said.count(b"HTTP/1.1 202") == 2
        assert len(server.requests) == 1


def test_a_connection_closed_while_idle(client: httpx.Client) -> None:
    with HttpServer(faults=[Fault("idle", "close")]) as server:
        assert client.get(server.url).status_code == 200
        server.wait_ended()
        assert client.get(server.url).status_code == 200
        assert server.connection_count == 2
        with pytest.raises(TimeoutError, match="the end of 2"):
            server.wait_ended(2, timeout=0)


def test_an_answer_held_back() -> None:
    hold = Hold()
    with HttpServer(Answer(201, fault=hold)) as server:
        status: list[int] = []
        asking = threading.Thread(
            target=lambda: status.append(httpx.get(server.url, trust_env=False).status_code)
        )
        asking.start()
        assert hold.reached.wait(5)
        assert status == []
        hold.release()
        asking.join()
        assert status == [201]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"EHLO x\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\x00\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 65536, b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400"),
    ],
)
def test_what_is_no_http(said: bytes, status: bytes, dial: Callable[[int], Any]) -> None:
    with HttpServer() as server:
        wire = dial(server.port)
        wire.send(said)
        assert wire.rest().startswith(b"HTTP/1.1 " + status)
        assert server.requests == []


def test_a_client_that_waits_to_be_asked_for_the_body(dial: Callable[[int], Any]) -> None:
    with HttpServer() as server:
        wire = dial(server.port)
        wire.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert wire.line() == b"HTTP/1.1 100 \r\n"
        assert wire.line() == b"\r\n"
        wire.send(b"abc")
        assert wire.line() == b"HTTP/1.1 200 OK\r\n"
        assert server.requests[0].body == b"abc"


def test_a_client_that_breaks_off_amid_the_body(dial: Callable[[int], Any]) -> None:
    with HttpServer() as server:
        wire = dial(server.port)
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab")
        wire.end()
        wire.rest()
        wire.sock.close()
        server.wait_closed()
        assert server.requests == []


def test_requests_in_a_row_and_in_chunks(dial: Callable[[int], Any]) -> None:
    with HttpServer(lambda request: Answer(200, request.body)) as server:
        wire = dial(server.port)
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.send((head + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n") * 2)
        for _ in range(2):
            lines = [wire.line() for _ in range(3)]
            assert lines == [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 3\r\n", b"\r\n"]
            wire.buffer = wire.buffer or wire.sock.recv(100)
            assert wire.buffer.startswith(b"abc")
            wire.buffer = wire.buffer[3:]
        assert server.connection_count == 1


def test_a_length_of_ones_own(client: httpx.Client) -> None:
    with HttpServer(Answer(200, "abc", {"content-length": "3"})) as server:
        assert client.get(server.url).headers.get_list("Content-Length") == ["3"]


def test_head_has_no_body(client: httpx.Client) -> None:
    with HttpServer(Answer(200, "abc")) as server:
        assert client.head(server.url).headers["Content-Length"] == "3"
        assert client.get(server.url).text == "abc"
        assert server.connection_count == 1


def test_waiting_for_requests(client: httpx.Client) -> None:
    with HttpServer() as server:
        client.get(server.url)
        assert len(server.wait_for(1)) == 1
        with pytest.raises(TimeoutError, match="2 requests"):
            server.wait_for(2, timeout=0)


def test_https(client_context: ssl.SSLContext) -> None:
    with HttpServer(Answer(202), tls=True) as server:
        assert httpx.get(server.url, verify=client_context, trust_env=False).status_code == 202
        connection = http.client.HTTPSConnection("localhost", server.port, context=client_context)
        connection.request("GET", "/")
        assert connection.getresponse().status == 202
        connection.close()


@pytest.mark.parametrize("fault", ["close", "garbage", reply("HTTP/1.1 400 Bad Request\n")])
def test_in_place_of_the_handshake(fault: Any, client_context: ssl.SSLContext) -> None:
    with (
        HttpServer(tls=True, faults=[Fault("tls", fault)]) as server,
        httpx.Client(verify=client_context, trust_env=False) as client,
    ):
        with pytest.raises(httpx.ConnectError):
            client.get(server.url)
        assert client.get(server.url).status_code == 200
