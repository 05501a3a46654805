"""The server of ``wire``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from pytest_passpost import CertificateAuthority, ReadableMail
from pytest_passpost.servers.listener import Listener

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_passpost.servers.channel import Channel

KEY = "wire-key/4711"


class Server(Listener):
    def __init__(self) -> None:
        super().__init__()
        self.authority = CertificateAuthority()
        self.received: list[ReadableMail] = []
        self.slow = False

    async def _serve(self, channel: Channel, number: int) -> None:
        await channel.start_tls(self.authority.server_context())
        line = b""
        while octets := await channel.receive():
            line += octets
            while b"\n" in line:
                first, _, line = line.partition(b"\n")
                await channel.send(self._answer(json.loads(first)).encode() + b"\n")
        await channel.close()

    def _answer(self, document: dict[str, Any]) -> str:
        if document["key"] != KEY:
            return "no key"
        if self.slow:
            return "no slow"
        self.received.append(
            ReadableMail(
                sender=document["from"],
                recipient=document["to"],
                subject=document["subject"],
                text=document["text"],
            )
        )
        return f"ok {len(self.received)}"


class StandIn:
    def __init__(self) -> None:
        self.server = Server()

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "host": self.server.host,
            "port": str(self.server.port),
            "key": KEY,
            "fromEmail": "Wire <no-reply@example.com>",
            "ca": self.server.authority.pem,
        }

    @property
    def wrong_settings(self) -> dict[str, Any]:
        return {**self.settings, "key": "another-key/0815"}

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        return tuple(self.server.received)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, trace)
