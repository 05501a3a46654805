"""Which addresses settings may lead to, however they are written."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from passpost._network.dial import resolve
from passpost._network.reachable import UnreachableAddressError, reaching, refused
from passpost.config import Invalid
from passpost.http import Endpoint, WebAddress
from passpost_http.destinations import written

# One address, the metadata service of most clouds, in the spellings that resolvers know.
METADATA = [
    "169.254.169.254",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "0xa9.254.0251.254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[febf:ffff::1]",
    "169.254.0.1",
    "169.254.255.255",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "[::ffff:100.100.100.200]",
]
INTERNAL = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",  # noqa: S104 - nobody listens there
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "240.0.0.1",
    "[::]",
    "[::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[ff02::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[2002:a00:1::]",
    "localhost",
    "LOCALHOST",
    "a.localhost",
]
PUBLIC = ["93.184.215.14", "1.1.1.1", "[2606:4700::1111]", "[64:ff9b::1.1.1.1]", "api.example.com"]

pytestmark = pytest.mark.anyio


def refusal(host: str) -> str:
    """Return why an endpoint is rejected, or an empty text."""
    try:
        Endpoint.from_setting(f"https://{host}:8443")
        WebAddress.from_setting(f"https://{host}:8443/hooks")
    except Invalid as error:
        return str(error)
    return ""


@pytest.mark.parametrize("host", METADATA)
def test_metadata_services_are_never_reached(host: str) -> None:
    # Some spellings are not hostnames either.
    assert refusal(host)
    meant = written(host)
    assert meant is not None
    assert refused(meant)


@pytest.mark.parametrize("host", INTERNAL)
def test_internal_addresses_are_reached_unless_they_are_forbidden(host: str) -> None:
    meant = written(host)
    assert meant is None or refused(meant) is None
    with reaching(internal=False):
        assert refusal(host)
        assert meant is None or refused(meant)


@pytest.mark.parametrize("host", PUBLIC)
def test_public_hosts_are_always_reached(host: str) -> None:
    for internal in (True, False):
        with reaching(internal=internal):
            assert refusal(host) == ""


def test_this_machine_is_reached_by_default() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert refusal(host) == ""


@pytest.mark.parametrize("spelling", ["169.254.43518", "2852039166", "0251.0376.0251.0376"])
def test_a_spelling_means_what_the_system_takes_it_for(spelling: str) -> None:
    (info, *_) = socket.getaddrinfo(spelling, 80, type=socket.SOCK_STREAM)
    assert written(spelling) == ipaddress.ip_address(info[4][0])


@pytest.mark.parametrize("text", ["", "api.example.com", "1.2.3.4.5", "0x", "999.1.1.1", "1..2"])
def test_what_is_no_address(text: str) -> None:
    assert written(text) is None


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and their addresses, in place of the DNS."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        addresses = [ipaddress.ip_address(text) for text in known[host]]
        return [(family[a.version], socket.SOCK_STREAM, 6, "", (str(a), port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *_, **__: look_up(host, port))
    return known


async def test_a_name_is_looked_at_when_it_is_connected_to(names: dict[str, list[str]]) -> None:
    names["rebound.example"] = ["169.254.169.254"]
    with pytest.raises(UnreachableAddressError):
        await resolve("rebound.example", 443, None)
    names["both.example"] = ["169.254.169.254", "fe80::1", "93.184.215.14"]
    (left,) = await resolve("both.example", 443, None)
    assert left[4] == ("93.184.215.14", 443)
    assert len(await resolve("both.example", 443, None, anywhere=True)) == 3


async def test_internal_names_are_refused_where_they_are_forbidden(
    names: dict[str, list[str]],
) -> None:
    names["intranet.example"] = ["10.0.0.1", "fd00::1"]
    assert len(await resolve("intranet.example", 443, None)) == 2
    with reaching(internal=False), pytest.raises(UnreachableAddressError):
        await resolve("intranet.example", 443, None)
