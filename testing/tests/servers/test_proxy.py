"""The proxy that delays, and the ports where nobody answers."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from pytest_passpost import (
    Answer,
    DelayProxy,
    Fault,
    HttpServer,
    SmtpServer,
    refusing_port,
    silent_port,
)

DELAY = 0.02


def test_everything_arrives_unchanged_and_is_counted(mail: EmailMessage) -> None:
    with SmtpServer() as server, DelayProxy((server.host, server.port), 0) as proxy:
        with smtplib.SMTP(proxy.host, proxy.port, timeout=10) as client:
            client.send_message(mail)
        proxy.wait_closed()
        assert server.mails[0].text == "Code: 123456\n.a line with a dot\n"
        connection = server.connections[0]
        assert proxy.bytes_to_target == connection.bytes_received
        assert proxy.bytes_to_client == connection.bytes_sent


def test_no_octet_comes_before_its_time(greeted: Callable[[Any], Any]) -> None:
    with SmtpServer() as server, DelayProxy((server.host, server.port), DELAY) as proxy:
        wire = greeted(proxy)
        began = time.monotonic()
        wire.ask("NOOP")
        # A lower bound only: no machine is slow enough to break it.
        assert time.monotonic() - began >= 2 * DELAY


def test_what_is_pipelined_shares_the_way(greeted: Callable[[Any], Any]) -> None:
    with SmtpServer() as server, DelayProxy((server.host, server.port), DELAY) as proxy:
        wire = greeted(proxy)
        trips = server.connections[0].round_trips
        for _ in range(20):
            wire.send(b"RSET\r\n")
        for _ in range(20):
            assert wire.reply().startswith("250")
        # Had each waited for the one before, the server would have waited twenty times as well.
        assert server.connections[0].round_trips - trips < 20


def test_the_handshake_takes_its_time_where_that_is_wanted(dial: Callable[[int], Any]) -> None:
    target = SmtpServer()
    with target as server, DelayProxy((server.host, server.port), DELAY, handshake=True) as proxy:
        began = time.monotonic()
        assert dial(proxy.port).reply().startswith("220")
        assert time.monotonic() - began >= 4 * DELAY


def test_what_is_large_passes_in_both_directions(dial: Callable[[int], Any]) -> None:
    body = b"x" * 3_000_000
    with (
        HttpServer(lambda request: Answer(200, request.body)) as server,
        DelayProxy((server.host, server.port), 0.001) as proxy,
    ):
        wire = dial(proxy.port)
        wire.send(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert wire.rest().endswith(b"\r\n\r\n" + body)


def test_the_end_of_one_direction_passes(dial: Callable[[int], Any]) -> None:
    with SmtpServer() as server, DelayProxy((server.host, server.port), 0.001) as proxy:
        wire = dial(proxy.port)
        wire.reply()
        wire.send(b"NOOP\r\n")
        wire.end()
        assert wire.reply().startswith("250")
        assert wire.rest() == b""


def test_a_reset_passes(dial: Callable[[int], Any]) -> None:
    faults = [Fault("noop", "reset")]
    with SmtpServer(faults=faults) as server, DelayProxy((server.host, server.port), 0) as proxy:
        wire = dial(proxy.port)
        wire.reply()
        with pytest.raises(ConnectionResetError):
            wire.ask("NOOP")


def test_a_target_that_refuses(dial: Callable[[int], Any]) -> None:
    with (
        refusing_port() as port,
        DelayProxy(("127.0.0.1", port), 0) as proxy,
        pytest.raises(ConnectionResetError),
    ):
        dial(proxy.port).rest()


def test_a_port_that_refuses(dial: Callable[[int], Any]) -> None:
    with refusing_port() as port, pytest.raises(ConnectionRefusedError):
        dial(port)


def test_a_port_where_connecting_hangs() -> None:
    import socket  # noqa: PLC0415 - only this test needs it

    with silent_port() as port, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", port), timeout=0.2)
