"""Addresses to listen at, and those under which to be reached there."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

_WAITING: Final = 64
_WILD: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to reach in its place


def is_loopback(address: str) -> bool:
    """Return whether an address to listen at can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def reachable(address: str) -> str:
    """Return the address at which this machine reaches what listens at an address."""
    return _WILD.get(address, address)


def bracketed(address: str) -> str:
    """Return an address as it is in a URL."""
    return f"[{address}]" if ":" in address else address


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 picks a free one.

    Raises:
        OSError: The address or the port cannot be used.
    """
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(_WAITING)
    except OSError:
        listening.close()
        raise
    return listening
