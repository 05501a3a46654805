"""Which hosts of settings may be reached: an address is known as such, however it is written."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from passpost._network.reachable import Address, refused

_LOOPBACK: Final = ipaddress.ip_address("127.0.0.1")

# What getaddrinfo takes for an IPv4 address beside the usual form: 2852039166, 0xa9.254, 0251.1.
_NUMBERS: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+)){0,3}")


def written(host: str) -> Address | None:
    """Return the IP address that a host is, however it is written; None if it is a name."""
    host = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if not _NUMBERS.fullmatch(host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def refused_host(host: str) -> str | None:
    """Return what kind of address a host of settings is that may not be reached, or None."""
    local = host.rstrip(".").lower()
    if local == "localhost" or local.endswith(".localhost"):
        return refused(_LOOPBACK)
    address = written(host)
    return None if address is None else refused(address)
