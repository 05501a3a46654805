"""Acme, strict and small: it takes a JSON document with a bearer key, and answers with an ID."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Self

from pytest_passpost import Answer, HttpServer, ReadableMail, Request

if TYPE_CHECKING:
    from types import TracebackType

KEY = "acme-Key/4711+of=the.stand-in"
KNOWN = {"to", "from", "subject", "text", "html", "reply_to", "headers", "hosted"}


class StandIn:
    """Acme on a port of 127.0.0.1."""

    def __init__(self) -> None:
        self.server = HttpServer(self._answer)
        self._received: list[ReadableMail] = []
        self._tokens: list[str] = []

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "apiKey": KEY,
            "fromEmail": "Acme <no-reply@example.com>",
            "endpoint": self.server.url,
        }

    @property
    def wrong_settings(self) -> dict[str, Any]:
        return {**self.settings, "apiKey": "acme-Key/0815+of=somebody.else"}

    @property
    def received(self) -> tuple[ReadableMail, ...]:
        return tuple(self._received)

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

    def _answer(self, request: Request) -> Answer:
        if request.path == "/token" and request.form["key"] == KEY:
            self._tokens.append(f"token-{len(self._tokens)}-{secrets.token_hex(8)}")
            return Answer.json({"token": self._tokens[-1]})
        known = [f"Bearer {word}" for word in (KEY, *self._tokens)]
        if request.header("authorization") not in known:
            return Answer.json({"code": "bad_key"}, 401)
        if request.path == "/account":
            return Answer.json({"name": "Example"})
        document = request.json()
        if not set(document) <= KNOWN:
            return Answer.json({"code": "bad_field"}, 400)
        for to in document["to"]:
            self._received.append(
                ReadableMail(
                    sender=document["from"],
                    recipient=to,
                    subject=document.get("subject", ""),
                    text=_text(document),
                    html=document.get("html"),
                    reply_to=document.get("reply_to"),
                    headers=document.get("headers", {}),
                )
            )
        return Answer.json({"id": f"acme-{len(self._received)}"})


def _text(document: dict[str, Any]) -> str | None:
    if "hosted" not in document:
        return document.get("text")
    # A template of Acme's own, which shows all that it is given.
    return json.dumps(document["hosted"])
