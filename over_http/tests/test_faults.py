"""What each fault on the way means, over real sockets."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from passpost import SendError
from passpost_http import client as client_module
from passpost_http import environment
from pytest_passpost import (
    Answer,
    CertificateAuthority,
    Drip,
    EndlessBody,
    EndlessHead,
    Fault,
    HttpServer,
    SlowHead,
    Truncated,
    WrongLength,
    accept_then,
    refusing_port,
    silent_port,
)

pytestmark = pytest.mark.anyio

TAKEN = Answer.json({"id": "42"}, 202)
SHORT = {"connect_timeout": 300, "read_timeout": 200, "total_timeout": 400}

UNKNOWN = ("unknown", "network", True)
UNREACHED = ("rejected", "network", True)
UNTRUSTED = ("rejected", "network", False)


async def failure(client: Any) -> SendError:
    """Make a request that gets no answer, and give the error; it must lead to no other."""
    async with client:
        with pytest.raises(SendError) as caught:
            await client.post("/", b"the code is 123456", {"authorization": "Bearer key"})
    # In the frames and attributes of another error the request would show.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def verdict(error: SendError) -> tuple[str, str, bool]:
    assert error.hint
    return error.outcome, error.scope, error.temporary


@pytest.mark.parametrize(
    "fault",
    [
        # The request goes out at once, so a server that hangs up or is silent may have read it.
        Fault("connect", "close", times=None),
        Fault("connect", "silence", times=None),
        Fault("request", "close", times=None),
        Fault("request", "reset", times=None),
        Fault("request", "silence", times=None),
        Fault("request", "garbage", times=None),
        Fault("answer", "close", times=None),
        Fault("answer", accept_then("reset"), times=None),
        Fault("answer", accept_then("silence"), times=None),
        Fault("answer", "drip", times=None),
        Fault("answer", "garbage", times=None),
        Fault("answer", "long-line", times=None),
        Fault("answer", SlowHead(), times=None),
        Fault("answer", EndlessHead(), times=None),
        Fault("answer", Truncated(), times=None),
        Fault("answer", WrongLength(), times=None),
        Fault("answer", WrongLength("no number"), times=None),
    ],
    ids=lambda fault: f"{fault.phase}-{fault.action}",
)
async def test_a_break_after_the_request_is_unknown(opened: Any, fault: Fault) -> None:
    with HttpServer(TAKEN, faults=[fault]) as server:
        error = await failure(opened(server.url, **SHORT))
    assert verdict(error) == UNKNOWN


async def test_a_server_that_speaks_before_it_is_asked(opened: Any) -> None:
    with HttpServer(TAKEN, faults=[Fault("connect", "garbage", times=None)]) as server:
        error = await failure(opened(server.url, **SHORT))
    # Where it was heard in time, nothing was sent.
    assert verdict(error) in (UNKNOWN, UNREACHED)


async def test_an_endless_answer_is_cut_off(opened: Any) -> None:
    with HttpServer(TAKEN, faults=[Fault("answer", EndlessBody())]) as server:
        async with opened(server.url) as client:
            answer = await client.post("/", b"x", {})
    assert (answer.status, answer.body, answer.document()) == (200, None, {})


async def test_the_total_timeout_holds_while_octets_still_come(opened: Any) -> None:
    with HttpServer(TAKEN, faults=[Fault("answer", Drip(0.02))]) as server:
        error = await failure(opened(server.url, read_timeout=5000, total_timeout=300))
    assert verdict(error) == UNKNOWN
    assert "in time" in str(error)


async def test_a_port_that_refuses(opened: Any) -> None:
    with refusing_port() as port:
        error = await failure(opened(f"http://127.0.0.1:{port}"))
    assert verdict(error) == UNREACHED


async def test_a_port_that_never_answers(opened: Any) -> None:
    with silent_port() as port:
        error = await failure(opened(f"http://127.0.0.1:{port}", **SHORT))
    assert verdict(error) == UNREACHED
    assert "in time" in str(error)


async def test_a_name_that_cannot_be_resolved(opened: Any) -> None:
    error = await failure(opened("https://api.passpost.invalid"))
    assert verdict(error) == UNREACHED
    assert "resolved" in str(error)


async def test_certificates_are_verified(opened: Any, authority: CertificateAuthority) -> None:
    with HttpServer(TAKEN, tls=True, authority=authority) as server:
        async with opened(server.url) as client:
            assert (await client.post("/", b"x", {})).status == 202


@pytest.mark.parametrize(
    "certificate", ["self-signed", "expired", "other-host", "unknown-authority"]
)
async def test_a_certificate_that_is_not_trusted(
    opened: Any, authority: CertificateAuthority, certificate: Any
) -> None:
    with HttpServer(TAKEN, tls=True, certificate=certificate, authority=authority) as server:
        error = await failure(opened(server.url))
        assert server.requests == []
    assert verdict(error) == UNTRUSTED
    assert "certificate is not trusted" in str(error)


@pytest.mark.parametrize(
    ("action", "expected"),
    [("garbage", UNTRUSTED), ("close", UNREACHED), ("reset", UNREACHED), ("silence", UNREACHED)],
)
async def test_tls_that_does_not_come_about(
    opened: Any, authority: CertificateAuthority, action: Any, expected: Any
) -> None:
    fault = Fault("tls", action, times=None)
    with HttpServer(TAKEN, tls=True, authority=authority, faults=[fault]) as server:
        error = await failure(opened(server.url, **SHORT))
        assert server.requests == []
    assert verdict(error) == expected


async def test_one_tls_context_serves_all_connections(
    opened: Any, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = environment.trusted

    def counted() -> Any:
        made.append(original())
        return made[-1]

    monkeypatch.setattr(client_module, "trusted", counted)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with opened("https://localhost"):
        pass
    assert len(made) == 1


@pytest.mark.parametrize(
    ("status", "temporary"), [(403, False), (407, False), (502, True), (503, True), (504, True)]
)
async def test_a_proxy_that_refuses(
    opened: Any, monkeypatch: pytest.MonkeyPatch, status: int, *, temporary: bool
) -> None:
    with HttpServer(Answer(status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://user:proxypass@"))
        error = await failure(opened("https://api.passpost.invalid"))
        (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "api.passpost.invalid:443")
    assert verdict(error) == ("rejected", "network", temporary)
    assert f"HTTP status {status}" in str(error)
    assert "proxypass" not in f"{error.facts()}{error}"


async def test_what_goes_to_this_machine_goes_through_no_proxy(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(TAKEN) as server, HttpServer(Answer(403)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with opened(server.url) as client:
            assert (await client.post("/", b"x", {})).status == 202
        assert proxy.connection_count == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "gopher://user:proxypass@proxy"),
        ("HTTPS_PROXY", "http://user:proxypass@[::1"),
        ("ALL_PROXY", "socks5://user:proxypass@proxy"),
        ("SSL_CERT_FILE", "/nowhere/proxypass.pem"),
    ],
)
async def test_an_environment_that_cannot_be_used(
    opened: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(SendError, match="environment") as caught:
        opened("https://api.passpost.invalid")
    assert verdict(caught.value) == UNTRUSTED
    assert caught.value.__context__ is None
    assert "proxypass" not in f"{caught.value}{caught.value.facts()}"
