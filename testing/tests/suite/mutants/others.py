"""Connectors that are right, in other ways than Acme."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.from_thread
import attrs
from acme import Acme

from passpost import Capability, Mail, Receipt, hookimpl
from passpost.http import Answer, HttpConfig


class Hosted(Acme):
    """Acme whose templates live at Acme."""

    capabilities = frozenset({Capability.PROVIDER_TEMPLATES, Capability.CHECK_CONNECTION})

    def document(self, config: Any, mail: Mail) -> dict[str, Any]:
        hosted = {"usage": mail.usage, "locale": mail.locale, "payload": dict(mail.payload)}
        return {"to": self.recipients(mail), "from": str(config.from_email), "hosted": hosted}


class HtmlOnly(Acme):
    """Acme as it would be if it sent HTML and nothing else."""

    capabilities = frozenset({Capability.HTML, Capability.CHECK_CONNECTION})


class HasNoStandIn(Acme):
    """Acme of an author who has no stand-in yet."""

    def info(self) -> Any:
        return attrs.evolve(super().info(), stand_in=None)


class Tokens(Acme):
    """Acme that is asked for a token first, which no setting holds."""

    @hookimpl
    @asynccontextmanager
    async def open_session(self, config: Any, register_secret: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # a hook names the arguments that it needs
        async with self.client(config) as client:
            yield Login(client, self.registered(register_secret))

    def registered(self, register_secret: Any) -> Any:
        return register_secret

    async def post(self, config: Any, session: Any, mail: Mail) -> Answer:
        token = await session.token(config, mail)
        headers = {"authorization": f"Bearer {token}"}
        document = self.document(config, mail)
        answer: Answer = await session.client.post_json(self.path, document, headers, mail)
        return answer

    def refusal(self, answer: Answer) -> Exception:
        error = super().refusal(answer)
        error.response = str(answer.document().get("message"))  # type: ignore[attr-defined]  # it is a SendError
        return error

    async def check(self, config: Any, session: Any) -> Any:
        return await super().check(config, session.client)


class Login:
    """A session with a token, which is fetched with the first email."""

    def __init__(self, client: Any, register_secret: Any) -> None:
        self.client = client
        self._register_secret = register_secret
        self._token: str | None = None
        self._lock = asyncio.Lock()

    async def token(self, config: Any, mail: Mail) -> str:
        async with self._lock:
            if self._token is None:
                form = {"key": config.api_key.reveal()}
                answer = await self.client.post_form("/token", form, {}, mail, is_email=False)
                if not answer.is_success:
                    raise answer.refusal("Acme")
                self._token = str(answer.document()["token"])
                self._register_secret(self._token)
            return self._token


class Plainly(Acme):
    """Acme with a plain function, which passpost runs in a thread."""

    @hookimpl
    def send_mail(self, config: HttpConfig, session: Any, mail: Mail) -> Receipt:  # type: ignore[override]  # the other form of the hook
        return anyio.from_thread.run(self.send, config, session, mail)
