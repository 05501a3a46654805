"""Django's SMTP backend with connections that are kept open, each in a thread of its own."""

from __future__ import annotations

import os
from collections.abc import Callable

import django
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from job import RECIPIENT, SENDER, Job, next_code, read_job, subject, take_orders_in_threads


def connected(job: Job) -> Callable[[], None]:
    """Connect, and give what sends one email."""
    backend = EmailBackend(
        host=job.host,
        port=job.port,
        username=job.user,
        password=job.password,
        use_tls=bool(job.authority),
    )
    backend.open()

    def send() -> None:
        code = next_code()
        mail = EmailMessage(subject(code), job.filled_in(code), SENDER, [RECIPIENT])
        mail.content_subtype = "html" if job.html else "plain"
        assert backend.send_messages([mail]) == 1

    return send


def main() -> None:
    """Send as ordered."""
    job = read_job()
    if job.authority:
        # The backend has no setting for an authority to trust.
        os.environ["SSL_CERT_FILE"] = job.authority
    settings.configure()
    django.setup()
    take_orders_in_threads(lambda: connected(job), job.connections)


if __name__ == "__main__":
    main()
