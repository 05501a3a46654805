"""A response that nobody asked for is never taken for the response to the next request."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import httpcore
import pytest

from passpost_http.network import Network
from pytest_passpost import Action, Answer, CertificateAuthority, Channel, Fault, HttpServer

pytestmark = pytest.mark.anyio

FORGED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 15\r\n\r\n" + b'{"id":"FORGED"}'
TAKEN = Answer.json({"id": "honest"}, 202)
REFUSED = Answer(401)
CHUNKED = (
    b'HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@attrs.frozen
class Followed(Action):
    """Sends octets after the response, or other octets in its place."""

    needs_reply = True
    after: bytes = b""
    instead: bytes | None = None
    apart: bool = False

    async def run(self, channel: Channel, honest: bytes) -> bool:
        response = honest if self.instead is None else self.instead
        if self.apart and channel._tls:
            # Two records of TLS in one segment: one read may give the first of them alone.
            channel._tls.write(response)
            response = b""
        await channel.send(response + self.after)
        return True


@attrs.frozen(eq=False)
class Later(Action):
    """Sends octets while the connection is idle, and tells when it did."""

    done: threading.Event = attrs.field(factory=threading.Event)

    async def run(self, channel: Channel, honest: bytes) -> bool:
        await channel.send(FORGED)
        self.done.set()
        return True


@pytest.fixture(params=[False, True], ids=["clear", "tls"])
def encrypted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def statuses(opened: Any, server: HttpServer, number: int = 3) -> list[int]:
    async with opened(server.url) as client:
        return [(await client.post("/", b"x", {})).status for _ in range(number)]


@pytest.mark.parametrize(
    "action",
    [
        Followed(FORGED),
        Followed(FORGED, apart=True),
        Followed(FORGED[:9]),
        Followed(FORGED[:9], apart=True),
        Followed(b"\r\n"),
        Followed(b"garbage that is no HTTP"),
        Followed(FORGED, CHUNKED),
        Followed(FORGED, NO_CONTENT),
        Followed(FORGED, b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        Followed(FORGED, INTERIM),
        Followed(FORGED * 3),
        Followed(FORGED * 3, apart=True),
    ],
    ids=str,
)  # fmt: skip
async def test_what_follows_a_response_ends_the_connection(
    opened: Any, authority: CertificateAuthority, action: Followed, *, encrypted: bool
) -> None:
    faults = [Fault("answer", action)]
    with HttpServer([TAKEN, REFUSED], tls=encrypted, authority=authority, faults=faults) as server:
        first, *others = await statuses(opened, server)
        assert server.connection_count == 2
        assert len(server.requests) == 3
    # The response itself is the answer to its request.
    assert first in (202, 204, 304)
    assert others == [401, 401]


async def test_what_comes_while_idle_ends_the_connection(
    opened: Any, authority: CertificateAuthority, *, encrypted: bool
) -> None:
    later = Later()
    with HttpServer(
        [TAKEN, REFUSED], tls=encrypted, authority=authority, faults=[Fault("idle", later)]
    ) as server:
        async with opened(server.url) as client:
            assert (await client.post("/", b"x", {})).status == 202
            assert await asyncio.to_thread(later.done.wait, 5)
            assert (await client.post("/", b"x", {})).status == 401
        assert server.connection_count == 2


@contextlib.asynccontextmanager
async def listening(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve each connection by a function, until it returns, and give the port."""

    tasks: list[asyncio.Task[None]] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(served(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_response_before_the_request_is_none() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FORGED)
        await reader.read()

    async with listening(greet) as port:
        stream: Any = await Network().connect_tcp("127.0.0.1", port)
        await stream._incoming.arrival()
        await stream.write(b"POST / HTTP/1.1\r\n\r\n")
        with pytest.raises(httpcore.RemoteProtocolError):
            await stream.read(65_536)
        await stream.aclose()


async def test_a_response_to_half_a_request_ends_the_connection(opened: Any) -> None:
    connections = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
        # Not even the kernel's buffers hold the whole body.
        while await reader.read(65_536):
            if len(connections) == 1:
                await asyncio.Event().wait()

    async with listening(refuse) as port, opened(f"http://127.0.0.1:{port}") as client:
        assert (await client.post("/", b"x" * 64_000_000, {})).status == 413
        assert (await client.post("/", b"x", {})).status == 413
    assert len(connections) == 2


@pytest.mark.parametrize(
    "response", [None, CHUNKED, INTERIM, NO_CONTENT], ids=["length", "chunks", "interim", "none"]
)
async def test_an_honest_server_keeps_its_connection(
    opened: Any, authority: CertificateAuthority, response: bytes | None, *, encrypted: bool
) -> None:
    faults = [Fault("answer", Followed(instead=response), times=None)]
    with HttpServer(TAKEN, tls=encrypted, authority=authority, faults=faults) as server:
        assert len(await statuses(opened, server, 20)) == 20
        assert server.connection_count == 1


async def test_many_at_once_each_get_their_own_response(opened: Any) -> None:
    """One in three responses is followed by a forged one; no request ever gets that."""
    faults = [Fault("answer", Followed(FORGED), after=2, optional=True) for _ in range(60)]
    with HttpServer(lambda request: Answer(200, request.body), faults=faults) as server:
        async with opened(server.url) as client:
            bodies = [str(number).encode() for number in range(200)]
            for start in range(0, 200, 20):
                batch = bodies[start : start + 20]
                answers = await asyncio.gather(*(client.post("/", body, {}) for body in batch))
                assert [answer.body for answer in answers] == batch
