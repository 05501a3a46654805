"""passpost as an application uses it: the whole path, from the message to the receipt.

The second argument may name an event loop: ``uvloop``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from job import RECIPIENT, SENDER, Job, next_code, read_job, subject, take_orders

import passpost


def settings(job: Job) -> dict[str, Any]:
    """Return the settings of the connector ``smtp``."""
    security: dict[str, Any] = {"ignoreTLS": True}
    if job.authority:
        security = {"tls": {"ca": Path(job.authority).read_text("ascii")}}
    return {
        "host": job.host,
        "port": job.port,
        "fromEmail": SENDER,
        "auth": {"user": job.user, "pass": job.password} if job.user else {},
        "pool": {"maxConnections": job.connections},
        "templates": [
            {
                "usageType": "SignIn",
                "contentType": "text/html" if job.html else "text/plain",
                "subject": subject("{{code}}"),
                "content": job.content,
            }
        ],
        **security,
    }


async def main() -> None:
    """Send as ordered."""
    connector = passpost.Host().configure("smtp", settings(read_job()))
    async with passpost.AsyncMailer(connector) as mailer:

        async def send() -> None:
            await mailer.send(
                passpost.Message(
                    to=RECIPIENT, usage="SignIn", payload={"code": next_code()}, locale="en"
                )
            )

        await take_orders(send)


if __name__ == "__main__":
    if "uvloop" in sys.argv[2:]:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
