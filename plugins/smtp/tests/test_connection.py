"""One connection by itself: what is written within an exchange, and when it no longer is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme

from passpost_smtp.connection import Connection
from passpost_smtp.exchange import Then
from passpost_smtp.reply import Reply

FOREVER = 60.0


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, socket.socket]]:
    """Return a connection to a server that a test speaks for."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with theirs:
        theirs.settimeout(5)
        _, connection = await loop.create_connection(
            lambda: Connection(loop, ours, greets=False), sock=ours
        )
        yield connection, theirs
        connection.abort()
        await connection.wait_closed()


def going_on(connection: Connection, asked: list[Sequence[Reply]]) -> Then:
    """Return what sends a message whatever the replies are, and notes them."""

    def then(replies: Sequence[Reply]) -> bool:
        asked.append(replies)
        connection.continue_exchange(b"message\r\n", 1, FOREVER, sending=FOREVER)
        return True

    return then


@pytest.mark.anyio
async def test_what_goes_on_within_an_exchange_gets_the_last_replies() -> None:
    asked: list[Sequence[Reply]] = []
    async with connected() as (connection, server):
        server.send(b"354 go\r\n")
        heard = connection.exchange(
            b"DATA\r\n", 1, FOREVER, asyncio.get_running_loop().time() + FOREVER,
            then=going_on(connection, asked),
        )  # fmt: skip
        sent = b""
        while not sent.endswith(b"message\r\n"):
            sent += await asyncio.to_thread(server.recv, 100)
        server.send(b"250 taken\r\n")
        assert [reply.code for reply in await heard] == [250]
        assert [[reply.code for reply in replies] for replies in asked] == [[354]]
        assert connection.fault is None


@pytest.mark.anyio
async def test_nothing_goes_on_after_the_deadline() -> None:
    asked: list[Sequence[Reply]] = []
    async with connected() as (connection, server):
        server.send(b"354 go\r\n")
        # The loop comes to the reply and to the timer in the same turn, as one does that was busy.
        past = asyncio.get_running_loop().time() - 1
        heard = connection.exchange(b"DATA\r\n", 1, FOREVER, past, then=going_on(connection, asked))
        assert [reply.code for reply in await heard] == [354]
        assert asked == []
        assert server.recv(100) == b"DATA\r\n"


@pytest.mark.anyio
async def test_nothing_goes_on_once_the_one_who_waited_is_cancelled() -> None:
    asked: list[Sequence[Reply]] = []
    async with connected() as (connection, server):
        heard = asyncio.ensure_future(
            connection.exchange(
                b"DATA\r\n", 1, FOREVER, asyncio.get_running_loop().time() + FOREVER,
                then=going_on(connection, asked),
            )
        )  # fmt: skip
        heard.cancel()
        server.send(b"354 go\r\n")
        async with asyncio.timeout(5):
            await connection.wait_closed()
        assert asked == []
        assert connection.fault is not None
        assert connection.fault.kind == "order"
        assert server.recv(100) == b"DATA\r\n"


def shaken(server: socket.socket) -> tuple[ssl.SSLObject, ssl.MemoryBIO]:
    """Do the server's part of the handshake; return what encrypts, and where it puts that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("mail.example.com").configure_cert(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            server.send(outgoing.read())
            incoming.write(server.recv(16384))
        else:
            server.send(outgoing.read())
            return tls, outgoing


@pytest.mark.anyio
async def test_nothing_goes_on_to_a_server_that_ends_tls_with_the_same_bytes() -> None:
    asked: list[Sequence[Reply]] = []
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    later = asyncio.get_running_loop().time() + FOREVER
    async with connected() as (connection, server):
        handshake = asyncio.create_task(asyncio.to_thread(shaken, server))
        await connection.start_tls(context, "mail.example.com", FOREVER, later)
        tls, outgoing = await handshake
        heard = connection.exchange(
            b"DATA\r\n", 1, FOREVER, later, then=going_on(connection, asked)
        )
        tls.write(b"354 go\r\n")
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        server.send(outgoing.read())
        assert [reply.code for reply in await heard] == [354]
        assert asked == []
        assert connection.fault is not None
        assert connection.fault.kind == "closed"
