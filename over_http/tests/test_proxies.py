"""Requests through proxies that the environment names."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest

from passpost import SendError
from passpost._network.reachable import reaching
from pytest_passpost import Answer, CertificateAuthority, HttpServer
from pytest_passpost.servers.certificates import server_context

pytestmark = pytest.mark.anyio

TAKEN = Answer.json({"id": "42"}, 202)


@attrs.define
class Tunnels:
    """A proxy that connects to one port, whatever it is asked for."""

    target: int
    surplus: bytes = b""
    asked: list[str] = attrs.field(factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.decode())
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + self.surplus)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(65_536):
            writer.write(octets)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def running(tunnels: Tunnels, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    tasks: list[asyncio.Task[None]] = []

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(tunnels.serve(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
async def test_a_tunnel_is_kept_for_many_requests(
    opened: Any,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
    *,
    encrypted: bool,
) -> None:
    context = server_context("good", authority) if encrypted else None
    with HttpServer(TAKEN, tls=True, authority=authority) as server:
        tunnels = Tunnels(server.port)
        async with running(tunnels, context) as port:
            at = (
                f"https://user:p%40ss@localhost:{port}" if encrypted else f"http://localhost:{port}"
            )
            monkeypatch.setenv("HTTPS_PROXY", at)
            # The proxy is the operator's own: it may be inside, where the service may not.
            with reaching(internal=False):
                async with opened(server.url) as client:
                    for _ in range(3):
                        assert (await client.post("/", b"x", {})).status == 202
        assert server.connection_count == 1
    (head,) = tunnels.asked
    assert head.startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n")
    credentials = base64.b64encode(b"user:p@ss").decode()
    assert (f"Proxy-Authorization: Basic {credentials}" in head) is encrypted


async def test_what_follows_the_proxys_response_is_not_the_services(
    opened: Any, authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpServer(Answer(401), tls=True, authority=authority) as server:
        tunnels = Tunnels(server.port, b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        async with running(tunnels) as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{port}")
            async with opened(server.url) as client:
                result: Any
                (result,) = await asyncio.gather(client.post("/", b"x", {}), return_exceptions=True)
    # It is dropped, or found in time to end the connection before TLS.
    rejected = isinstance(result, SendError) and result.outcome == "rejected"
    assert rejected or result.status == 401


@pytest.mark.parametrize(
    ("no_proxy", "used"),
    [("", True), ("*", False), ("localhost", False), ("other.example", True)],
)
async def test_a_host_may_be_left_out(
    opened: Any,
    authority: CertificateAuthority,
    monkeypatch: pytest.MonkeyPatch,
    no_proxy: str,
    *,
    used: bool,
) -> None:
    with HttpServer(TAKEN, tls=True, authority=authority) as server:
        tunnels = Tunnels(server.port)
        async with running(tunnels) as port:
            monkeypatch.setenv("ALL_PROXY", f"localhost:{port}")
            monkeypatch.setenv("NO_PROXY", no_proxy)
            async with opened(server.url) as client:
                assert (await client.post("/", b"x", {})).status == 202
    assert len(tunnels.asked) == used
