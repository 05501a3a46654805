"""The example of sign-ups, with requests that send the email themselves: the peer of the outbox."""

from __future__ import annotations

from fastapi import FastAPI

import passpost
from sign_up.settings import FILE
from sign_up.web import application


class Inline:
    """Sends in the request, through one mailer of the process.

    Args:
        mailer: The mailer.
    """

    def __init__(self, mailer: passpost.Mailer) -> None:
        self._mailer = mailer

    def send(self, message: passpost.Message) -> str:
        """Send an email."""
        return self._mailer.send(message).message_id

    def state(self, id_: str) -> str:
        """Return the one state that there is after that."""
        del id_
        return "accepted"


def make_app() -> FastAPI:
    """Return the application."""
    mailer = passpost.Mailer.from_file(FILE)
    return application(Inline(mailer), mailer.close)
