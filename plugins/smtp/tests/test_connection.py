"""One connection by itself: what is written within an exchange, and when it no longer is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from passpost_smtp.connection import Connection, Then
from passpost_smtp.reply import Reply

FOREVER = 60.0


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Connection, socket.socket]]:
    """Give a connection to a server that a test speaks for."""
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
    """Give what sends a message whatever the replies are, and notes them."""

    def then(replies: Sequence[Reply]) -> bool:
        asked.append(replies)
        connection.go_on(b"message\r\n", 1, FOREVER, sending=FOREVER)
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
        await connection.wait_closed()
        assert asked == []
        assert connection.fault is not None
        assert connection.fault.kind == "order"
        assert server.recv(100) == b"DATA\r\n"
