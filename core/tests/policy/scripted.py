"""Connectors of this process that do what each test writes down for them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

import passpost
from passpost import config
from passpost.errors import Scope

TEMPLATES = [
    {"usageType": "SignIn", "subject": "Code {{code}}", "content": "Your code is {{code}}."},
    {"usageType": "Generic", "subject": "Hello", "content": "<p>Hello</p>"},
]


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    from_email: passpost.Address | None = config.field(default=None, title={"en": "Sender"})

    @property
    def sender(self) -> passpost.Address | None:
        return self.from_email


class Scripted:
    """A connector that answers its emails one after another, and then accepts all.

    Args:
        name: Its ID, and its name in the mailer.
        answers: Errors to raise, functions to call with the email, or None to accept.
        repeatable_for: Seconds for which its provider recognizes repetitions.
        marks: Whether it marks when an email leaves: before it accepts one.
    """

    def __init__(
        self, name: str, *answers: Any, repeatable_for: float = 0.0, marks: bool = False
    ) -> None:
        self.name = name
        self.answers = list(answers)
        self.always: Any = None
        self.repeatable_for = repeatable_for
        self.marks = marks
        self.mails: list[passpost.Mail] = []
        self.times: list[float] = []

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id=self.name,
            name={"en": self.name},
            description={"en": "Does what it is told"},
            config_class=Config,
            capabilities=frozenset(passpost.Capability) - {passpost.Capability.PROVIDER_TEMPLATES},
            repeatable_for=self.repeatable_for,
            marks_departure=self.marks,
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> Any:
        self.mails.append(mail)
        self.times.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else self.always
        if isinstance(answer, BaseException):
            raise answer
        result = answer(mail) if callable(answer) else None
        result = await result if inspect.isawaitable(result) else result
        return passpost.Receipt(f"{self.name}-{len(self.mails)}") if result is None else result


def mailer(
    *connectors: Scripted,
    extensions: Sequence[object] = (),
    templates: Mapping[str, Any] | None = None,
    stores: Any = None,
    **policy: Any,
) -> passpost.AsyncMailer:
    """Return a mailer of these connectors, each with a sender at a domain of its own."""
    host = passpost.Host(extensions, environ={})
    made = []
    for scripted in connectors:
        host.register(scripted)
        own = (templates or {}).get(scripted.name, TEMPLATES)
        settings = {"templates": own, "fromEmail": f"no-reply@{scripted.name}.example"}
        made.append(host.configure(scripted.name, settings))
    return passpost.AsyncMailer(*made, policy=passpost.Policy(**policy), stores=stores)


def message(**parts: Any) -> passpost.Message:
    given: dict[str, Any] = {"to": "ada@example.com", "usage": "SignIn", **parts}
    return passpost.Message(payload={"code": "493817"}, **given)


def rejected(scope: Scope, **facts: Any) -> passpost.SendError:
    return passpost.SendError(f"no: {scope}", outcome="rejected", scope=scope, **facts)


def unknown() -> passpost.SendError:
    return passpost.SendError("no reply", outcome="unknown", scope="network", temporary=True)


def hanging(seconds: float) -> Callable[[passpost.Mail], Any]:
    return lambda _mail: asyncio.sleep(seconds)


async def outcome(send: Any) -> str:
    """Return what a send came to: the connector that accepted it, or outcome and scope."""
    try:
        receipt = await send
    except passpost.SendError as error:
        return f"{error.outcome} {error.scope}"
    return str(receipt.connector)
