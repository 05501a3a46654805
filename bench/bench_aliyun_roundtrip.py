"""How many round trips an email takes through a proxy that makes loopback 50 ms long.

Run it in an environment with passpost[testing], passpost-aliyun-dm and alibabacloud_dm20151123::

    python bench/bench_aliyun_roundtrip.py [mails]

The first email of a session opens the connection; those after it are warm. The official SDK opens a
connection for each email. Over TLS the server is a simple one, since the stand-in for Direct Mail
has none.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from aliyun_service import service
from bench_aliyun_cpu import sdk

from passpost import Address, Mail
from passpost_aliyun_dm.hooks import open_session, parse_config, send_mail
from pytest_passpost import Answer, CertificateAuthority, DelayProxy, HttpServer

ROUND_TRIP: Final = 0.050
GOAL: Final = 1.15
"""At most so many round trips for a warm email."""

TEMPLATE: Final = {"usageType": "Generic", "subject": "{{code}}", "content": "{{code}}"}


async def round_trips(send: Callable[[], Awaitable[Any]]) -> float:
    """Return the time of one email in round trips."""
    began = time.perf_counter()
    await send()
    return (time.perf_counter() - began) / ROUND_TRIP


async def ours(settings: dict[str, Any], mails: int) -> tuple[float, list[float]]:
    """Return the round trips of the first email of a session, and of those after it."""

    async def send() -> None:
        mail = Mail(
            message_id="<0123456789abcdef0123456789abcdef@mail.example.com>",
            to=Address("ada@example.com"),
            usage="SignIn",
            date=dt.datetime.now(dt.UTC),
            subject="Your code 123456",
            html="<p>Your code is <b>123456</b>.</p>" * 20,
        )
        await send_mail(session, mail)

    config = parse_config({**settings, "templates": [TEMPLATE]})
    async with open_session(config) as session:
        first = await round_trips(send)
        return first, [await round_trips(send) for _ in range(mails)]


def report(name: str, first: float | None, rest: list[float]) -> float:
    """Print a line, and give the median."""
    typical = median(rest)
    opening = f"first {first:5.2f}, then " if first is not None else " " * 18
    print(f"  {name:28}{opening}{typical:5.2f} round trips (at most {max(rest):.2f})")
    return typical


def plain(mails: int) -> float:
    """Measure the connector and the SDK over HTTP."""
    with service() as settings:
        target = ("127.0.0.1", int(settings["endpoint"].rpartition(":")[2]))
        with DelayProxy(target, ROUND_TRIP / 2, handshake=True) as proxy:
            through = {**settings, "endpoint": f"http://{proxy.host}:{proxy.port}"}
            warm = report("connector, HTTP", *asyncio.run(ours(through, mails)))
            report("official SDK, HTTP", None, asyncio.run(_sdk(through, mails)))
    return warm


async def _sdk(settings: dict[str, Any], mails: int) -> list[float]:
    send = sdk(settings, "html")
    return [await round_trips(send) for _ in range(mails)]


def encrypted(mails: int) -> float:
    """Measure the connector over TLS."""
    authority = CertificateAuthority()
    accepted = Answer.json({"EnvId": "600000000001", "RequestId": "A1B2C3D4-0000"})
    with (
        tempfile.TemporaryDirectory() as folder,
        HttpServer(accepted, tls=True, authority=authority) as server,
        DelayProxy((server.host, server.port), ROUND_TRIP / 2, handshake=True) as proxy,
    ):
        os.environ["SSL_CERT_FILE"] = str(authority.write_pem(Path(folder) / "authority.pem"))
        settings = {
            "accessKeyId": "LTAI5tExample",
            "accessKeySecret": "secret",
            "accountName": "no-reply@mail.example.com",
            "endpoint": f"https://localhost:{proxy.port}",
        }
        return report("connector, HTTPS", *asyncio.run(ours(settings, mails)))


def main() -> int:
    """Run the benchmark."""
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"Round trips of {ROUND_TRIP * 1000:.0f} ms, median of {mails} emails")
    reached = max(plain(mails), encrypted(mails)) <= GOAL
    print(f"  goal for a warm email: at most {GOAL}: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
