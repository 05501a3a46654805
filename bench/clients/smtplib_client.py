"""The standard library's smtplib with connections that are kept, each in a thread of its own."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable

from job import Job, next_code, read_job, take_orders_in_threads


def connected(job: Job, context: ssl.SSLContext | None) -> Callable[[], None]:
    """Connect, and give what sends one email."""
    client = smtplib.SMTP(job.host, job.port)
    if context is not None:
        client.starttls(context=context)
    if job.user:
        client.login(job.user, job.password)

    def send() -> None:
        client.send_message(job.email(next_code()))

    return send


def main() -> None:
    """Send as ordered."""
    job = read_job()
    context = job.context() if job.authority else None
    take_orders_in_threads(lambda: connected(job, context), job.connections)


if __name__ == "__main__":
    main()
