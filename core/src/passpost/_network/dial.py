"""From a hostname to a connected socket: IPv6 and IPv4 raced against each other (RFC 8305)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any, Final

from passpost._network.reachable import UnreachableAddressError, refused

AddressInfo = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` gives them."""

_HEAD_START: Final = 0.25
"""Seconds that an address has to itself before the next is tried beside it (RFC 8305 section 5)."""


async def resolve(
    host: str, port: int, local_address: str | None, *, anywhere: bool = False
) -> Sequence[AddressInfo]:
    """Look up a host's addresses, the families in turns.

    Args:
        host: A name, or an IP address.
        port: The port.
        local_address: The address to connect from; None leaves it to the system.
        anywhere: Whether the operator of this process chose the hostname, which may lead
            anywhere.

    Raises:
        UnreachableAddressError: It has addresses, and none that may be reached.
        OSError: It has none, or none of the local address's family.
    """
    family = socket.AF_UNSPEC
    if local_address is not None:
        family = socket.AF_INET6 if ":" in local_address else socket.AF_INET
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM
    )
    if not anywhere:
        # Those that are connected to are looked at: a name that is looked up twice may lie once.
        found = [info for info in found if refused(ipaddress.ip_address(info[4][0])) is None]
        if not found:
            raise UnreachableAddressError
    return _interleaved(found)


def _interleaved(found: Sequence[AddressInfo]) -> list[AddressInfo]:
    first = [info for info in found if info[0] == found[0][0]]
    second = [info for info in found if info[0] != found[0][0]]
    paired = [info for pair in zip(first, second, strict=False) for info in pair]
    shorter = min(len(first), len(second))
    return [*paired, *first[shorter:], *second[shorter:]]


# The event loop's own race looks up the hostname itself, with no timeout for that, and is not there
# on uvloop.
async def connect(addresses: Sequence[AddressInfo], local_address: str | None) -> socket.socket:
    """Connect to the first address that answers.

    Raises:
        OSError: None did; the error is the first address's.
    """
    attempts: list[asyncio.Task[socket.socket]] = []
    failures: list[OSError] = []
    waiting = list(addresses)
    try:
        while waiting or attempts:
            if waiting:
                attempts.append(asyncio.ensure_future(_try(waiting.pop(0), local_address)))
            pause = _HEAD_START if waiting else None
            done, _ = await asyncio.wait(
                attempts, timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                attempts.remove(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
                if not isinstance(error, OSError):
                    raise error
                failures.append(error)
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close)
    raise failures[0]


async def _try(info: AddressInfo, local_address: str | None) -> socket.socket:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(0)
        if local_address is not None:
            sock.bind((local_address, 0))
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    # It may have connected in the same moment as the one that is used.
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
