"""``durability="waitaof"`` waits for the disk after each write, on the connection that wrote.

Debian has Redis 7.0, and the command came with 7.2. So a proxy adds it: it calls the server 7.2,
and replies to WAITAOF, which it rejects after anything but a script of the same connection.
"""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from passpost import Message
from passpost.stores import StoreError
from passpost_outbox import AsyncOutbox, Worker
from passpost_outbox.redis import RedisStore
from passpost_redis.testing import RedisProgram

VERSION = b"redis_version:7.0."
WRITES = {b"EVALSHA", b"EVAL"}


def read(source: Any) -> tuple[bytes, list[bytes]]:
    """Return a command or a reply as it was sent, and the texts in it."""
    line = source.readline()
    if not line:
        raise EOFError
    kind, size = line[:1], line[1:].strip()
    if kind in {b"$", b"="} and size != b"-1":
        text = source.read(int(size) + 2)
        return line + text, [text[:-2]]
    if kind in {b"*", b"~", b">", b"%"} and size != b"-1":
        parts = [read(source) for _part in range(int(size) * (2 if kind == b"%" else 1))]
        return line + b"".join(raw for raw, _ in parts), [
            one for _, found in parts for one in found
        ]
    return line, []


class Newer(socketserver.ThreadingTCPServer):
    """The server as one of 7.2.

    Attributes:
        target: The server's port.
        synced: How many servers have the writes on their disks, in each reply.
        waits: The arguments of each WAITAOF.
    """

    daemon_threads = True

    def __init__(self, target: int) -> None:
        super().__init__(("127.0.0.1", 0), Between)
        self.target = target
        self.synced = 1
        self.waits: list[list[bytes]] = []


class Between(socketserver.StreamRequestHandler):
    server: Newer

    def handle(self) -> None:
        before = b""
        with (
            socket.create_connection(("127.0.0.1", self.server.target)) as upstream,
            upstream.makefile("rb") as replies,
        ):
            while True:
                try:
                    raw, (name, *rest) = read(self.rfile)
                except (EOFError, ConnectionError):
                    return
                if name.upper() == b"WAITAOF":
                    self.wfile.write(self.waited(before, rest))
                else:
                    upstream.sendall(raw)
                    self.wfile.write(self.newer(read(replies)[0]))
                before = name.upper()

    def waited(self, before: bytes, rest: list[bytes]) -> bytes:
        if before not in WRITES:
            return b"-ERR this connection has written nothing\r\n"
        self.server.waits.append(rest)
        return b"*2\r\n:%d\r\n:0\r\n" % self.server.synced

    def newer(self, reply: bytes) -> bytes:
        # Of the same length, which comes before it.
        return reply.replace(VERSION, b"redis_version:7.2.")


@pytest.fixture
def newer(server: RedisProgram) -> Iterator[Newer]:
    with Newer(server.port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


def store_of(server: RedisProgram, proxy: Newer, **options: Any) -> RedisStore:
    url = server.url.replace(f":{server.port}", f":{proxy.server_address[1]}")
    return RedisStore(url, durability="waitaof", **options)


def test_each_write_waits_for_the_disk_and_no_read_does(
    bench: Any, server: RedisProgram, newer: Newer
) -> None:
    async def check() -> None:
        store = store_of(server, newer)
        message = Message("ada@example.com", "SignIn", {"code": "493817"})
        async with AsyncOutbox(store, bench.keys, secret=b"s" * 16) as outbox:
            ticket = await outbox.enqueue(message)
            assert len(newer.waits) == 1
            await outbox.status(ticket.id)
            assert len(newer.waits) == 1, "a read has waited"
            async with bench.mailer() as mailer:
                assert await Worker(store, bench.keys, mailer).work(ticket.id) == "accepted"
            # The claim, and the end.
            assert len(newer.waits) == 3
            status = await outbox.status(ticket.id)
            assert status is not None
            assert status.state == "accepted"

    asyncio.run(check())
    # One disk, that of the server itself; no replica; and no longer than the store's own limit.
    assert newer.waits == [[b"1", b"0", b"2000"]] * 3


def test_a_write_that_is_not_on_the_disk_in_time_is_an_error(
    bench: Any, server: RedisProgram, newer: Newer
) -> None:
    async def check() -> None:
        store = store_of(server, newer)
        async with AsyncOutbox(store, bench.keys, secret=b"s" * 16) as outbox:
            newer.synced = 0
            message = Message("ada@example.com", "SignIn", idempotency_key="key")
            with pytest.raises(StoreError, match="did not reply within 2 s"):
                await outbox.enqueue(message)
            # It may be stored, and is once: with a key, the request can be made again.
            newer.synced = 1
            ticket = await outbox.enqueue(message)
            assert await outbox.counts() == {"queued": 1}
            status = await outbox.status(ticket.id)
            assert status is not None

    asyncio.run(check())


def test_the_proxy_rejects_a_wait_for_nothing(newer: Newer) -> None:
    with (
        socket.create_connection(("127.0.0.1", newer.server_address[1])) as client,
        client.makefile("rb") as got,
    ):
        client.sendall(b"*4\r\n$7\r\nWAITAOF\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n9\r\n")
        assert got.readline().startswith(b"-ERR")
    assert newer.waits == []
