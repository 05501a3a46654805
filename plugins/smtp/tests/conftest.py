"""What the tests of the connector share."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from passpost import Address, Mail, Receipt, SendError
from passpost_smtp import hooks
from passpost_smtp.config import SmtpConfig
from passpost_smtp.reply import Reply
from passpost_smtp.session import SmtpSession
from pytest_passpost import SmtpServer, default_authority

TEMPLATES = [{"usageType": "Generic", "subject": "Your code", "content": "{{code}}"}]


class Kit:
    """Makes configs, emails and sessions in one line each.

    Attributes:
        registered: What sessions had masked from then on.
    """

    def __init__(self) -> None:
        self.registered: list[str] = []

    def config(self, server: SmtpServer | int, **settings: Any) -> SmtpConfig:
        """Parse the settings for a server."""
        return hooks.parse_config(self.settings(server, **settings))

    def settings(self, server: SmtpServer | int, **settings: Any) -> dict[str, Any]:
        """Settings for a server, unencrypted unless they ask for TLS or have credentials."""
        port = server if isinstance(server, int) else server.port
        basic: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": port,
            "fromEmail": "Example <no-reply@example.com>",
            "templates": TEMPLATES,
            "tls": {"ca": default_authority().pem},
        }
        if not {"secure", "requireTLS", "auth", "username"} & settings.keys():
            basic["ignoreTLS"] = True
        return {**basic, **settings}

    def mail(self, *, seconds: float | None = 20.0, **fields: Any) -> Mail:
        now = dt.datetime.now(dt.UTC)
        known: dict[str, Any] = {
            "message_id": "<1.2@example.com>",
            "to": Address("ada@example.org"),
            "usage": "SignIn",
            "date": now,
            "subject": "Your code",
            "text": "Your code is 314159.\n",
            "payload": {"code": "314159"},
            "deadline": None if seconds is None else now + dt.timedelta(seconds=seconds),
        }
        return Mail(**{**known, **fields})

    @asynccontextmanager
    async def session(
        self, config: SmtpConfig, *, proven: bool = False
    ) -> AsyncIterator[SmtpSession]:
        """Open a session, whose server has shown already that it masters BDAT if it is `proven`."""
        async with hooks.open_session(config, self.registered.append) as session:
            if proven:
                rcpt, final = Reply(250, (b"2.1.5 ok",)), Reply(250, (b"2.0.0 ok",))
                session.context.fallback.prove_chunking("127.0.0.1", rcpt, final, b"")
            yield session

    async def send(
        self, config: SmtpConfig, mail: Mail | None = None, *, proven: bool = False
    ) -> Receipt | SendError:
        """Send one email over a session of its own."""
        async with self.session(config, proven=proven) as session:
            return await self.outcome(session, mail or self.mail())

    async def outcome(self, session: SmtpSession, mail: Mail) -> Receipt | SendError:
        try:
            return await session.send(mail)
        except SendError as error:
            return error

    async def refusal(
        self, config: SmtpConfig, mail: Mail | None = None, *, proven: bool = False
    ) -> SendError:
        """Send one email that must not go through."""
        outcome = await self.send(config, mail, proven=proven)
        assert isinstance(outcome, SendError), "the mail went through"
        return outcome


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    # A second run with the faster loop of passpost-smtp[fast] has to give the same.
    return "asyncio", {"use_uvloop": os.environ.get("PASSPOST_UVLOOP") == "1"}


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()
