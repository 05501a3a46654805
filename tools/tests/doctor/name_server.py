"""A DNS server on loopback with the records of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Records = Mapping[str, Sequence[str]]
"""Records by name: ``{"example.com": ["TXT v=spf1 -all", "MX 10 mx.example.com."]}``."""


class NameServer(asyncio.DatagramProtocol):
    """Answers questions over UDP, as an authoritative server of everything does.

    A name with the record ``SERVFAIL`` fails; one with ``SILENT`` gets no answer.
    """

    def __init__(self, records: Records) -> None:
        self.records = {name.lower(): list(found) for name, found in records.items()}
        self.asked: list[str] = []
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = (
            question.name.to_text(omit_final_dot=True),
            dns.rdatatype.to_text(question.rdtype),
        )
        self.asked.append(f"{kind} {name}")
        found = self.records.get(name.lower())
        if found == ["SILENT"]:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if found is None:
            # A name above an existing one exists, too (RFC 8020).
            below = any(other.endswith(f".{name.lower()}") for other in self.records)
            response.set_rcode(dns.rcode.NOERROR if below else dns.rcode.NXDOMAIN)
        elif found == ["SERVFAIL"]:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            texts = [text.partition(" ")[2] for text in found if text.startswith(f"{kind} ")]
            if texts:
                quoted = [f'"{text}"' if kind == "TXT" else text for text in texts]
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *quoted))
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def serving(records: Records) -> AsyncIterator[tuple[NameServer, dns.asyncresolver.Resolver]]:
    """Serve records while the context is open; give the server and a resolver that asks it."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(records), local_addr=("127.0.0.1", 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield server, resolver
    finally:
        transport.close()
