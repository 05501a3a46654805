"""Which addresses the connectors may reach: settings may be written by people who are not trusted.

A server can often reach what its users cannot: its cloud's metadata service, which gives out
credentials, and the hosts of its own network. So an address is looked at twice: as it is written in
settings, and, since a name may lead anywhere and elsewhere a moment later, when it is connected to.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from passpost._phrases import _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Metadata services beside link-local addresses: Alibaba Cloud, Oracle Cloud, Azure, AWS (IPv6).
_METADATA: Final = frozenset(
    ipaddress.ip_address(address)
    for address in ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")
)

# The last 32 bits of an address in these are an IPv4 address: RFC 6052, RFC 8215, RFC 4291.
_EMBEDDING: Final = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")
)

_internal: Final[ContextVar[bool]] = ContextVar("passpost.internal_addresses", default=True)


class UnreachableAddressError(OSError):
    """A host has no address that may be connected to."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, _("the hostname leads to an address that is not allowed"))


def reaches_internal() -> bool:
    """Return whether internal addresses may be reached now."""
    return _internal.get()


@contextmanager
def reaching(*, internal: bool) -> Iterator[None]:
    """Set whether internal addresses may be reached while the block runs."""
    token = _internal.set(internal)
    try:
        yield
    finally:
        _internal.reset(token)


def refused(address: Address) -> str | None:
    """Return what kind of address may not be reached, or None if this one may."""
    mapped = getattr(address, "ipv4_mapped", None)
    meant = (mapped,) if mapped else (address, *_embedded(address))
    if any(one.is_link_local or one in _METADATA for one in meant):
        return _("a link-local address or a metadata service")
    if not _internal.get() and not all(one.is_global and not one.is_multicast for one in meant):
        return _("an internal address")
    return None


def _embedded(address: Address) -> Iterator[Address]:
    """Yield the IPv4 addresses that an IPv6 address stands for, by translation or tunnel."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
    if any(address in network for network in _EMBEDDING) and int(address) > 1:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
