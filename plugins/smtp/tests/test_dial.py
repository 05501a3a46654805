"""From a name to a socket: the families raced, the losers closed."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from passpost import Receipt
from passpost.wire import dial
from pytest_passpost import SmtpServer, refusing_port, silent_port

INET: tuple[int, int, int, str] = (socket.AF_INET, socket.SOCK_STREAM, 0, "")


def at(port: int) -> dial.AddressInfo:
    return (*INET, ("127.0.0.1", port))


@pytest.mark.anyio
async def test_the_families_take_turns() -> None:
    six = [(socket.AF_INET6, socket.SOCK_STREAM, 0, "", (f"::{n}", 25, 0, 0)) for n in range(3)]
    four = [(*INET, (f"192.0.2.{n}", 25)) for n in range(1)]
    assert dial._interleaved([*six, *four]) == [six[0], four[0], six[1], six[2]]
    assert dial._interleaved([*four, *six]) == [four[0], six[0], six[1], six[2]]
    assert dial._interleaved(six) == six


@pytest.mark.anyio
async def test_the_next_address_is_tried_when_one_refuses() -> None:
    with refusing_port() as dead, SmtpServer() as server:
        sock = await dial.connect([at(dead), at(server.port)], None)
        assert sock.getpeername()[1] == server.port
        sock.close()


@pytest.mark.anyio
async def test_the_next_address_is_tried_beside_one_that_says_nothing() -> None:
    with silent_port() as mute, SmtpServer() as server:
        sock = await dial.connect([at(mute), at(server.port)], None)
        assert sock.getpeername()[1] == server.port
        sock.close()


@pytest.mark.anyio
async def test_all_addresses_refuse() -> None:
    with refusing_port() as one, refusing_port() as other, pytest.raises(ConnectionRefusedError):
        await dial.connect([at(one), at(other)], None)


@pytest.mark.anyio
async def test_a_race_that_is_cancelled_leaves_no_socket_behind() -> None:
    with silent_port() as one, silent_port() as other:
        task = asyncio.ensure_future(dial.connect([at(one), at(other)], None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.anyio
async def test_a_local_address_decides_the_family() -> None:
    found = await dial.resolve("localhost", 25, "127.0.0.1")
    assert {info[0] for info in found} == {socket.AF_INET}


@pytest.mark.anyio
async def test_the_local_address_is_connected_from(kit: Any) -> None:
    with SmtpServer() as server:
        config = kit.config(server, localAddress="127.0.0.1", host="localhost")
        assert isinstance(await kit.send(config), Receipt)


@pytest.mark.anyio
async def test_a_local_address_that_is_not_ours_is_said_so(kit: Any) -> None:
    with SmtpServer() as server:
        error = await kit.refusal(kit.config(server, localAddress="192.0.2.1"))
        assert (error.outcome, error.scope) == ("rejected", "network")
        assert "assign requested address" in str(error)


@pytest.mark.anyio
async def test_a_name_that_resolves_to_both_families(kit: Any) -> None:
    # The server listens on 127.0.0.1 only; localhost may well be ::1 first.
    with SmtpServer() as server:
        assert isinstance(await kit.send(kit.config(server, host="localhost")), Receipt)
