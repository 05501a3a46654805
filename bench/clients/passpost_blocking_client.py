"""The blocking passpost as a web application with threads uses it: all of them share one mailer."""

from __future__ import annotations

from job import RECIPIENT, next_code, read_job, take_orders_in_threads
from passpost_client import settings

import passpost

THREADS = 10


def main() -> None:
    """Send as ordered."""
    connector = passpost.Host().configure("smtp", settings(read_job()))
    with passpost.Mailer(connector) as mailer:

        def send() -> None:
            mailer.send(
                passpost.Message(
                    to=RECIPIENT, usage="SignIn", payload={"code": next_code()}, locale="en"
                )
            )

        take_orders_in_threads(lambda: send, THREADS)


if __name__ == "__main__":
    main()
