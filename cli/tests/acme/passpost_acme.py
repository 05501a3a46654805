"""A connector that does what its settings say; the tests install it into a folder of their own."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

import passpost
from passpost import config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

Behaviour = Literal[
    "accept",
    "interrupt",
    "count",
    "terse",
    "reject",
    "throttle",
    "told",
    "unknown",
    "crash",
    "wait",
    "warn",
    "unreachable",
    "steer",
    "ask",
    "by-recipient",
]


@attrs.frozen(kw_only=True)
class AcmeConfig(config.ConnectorConfig):
    api_key: passpost.Secret = config.field(title={"en": "API key"})
    from_email: passpost.Address = config.field(title={"en": "Sender"})
    behave: Behaviour = config.field(default="accept", title={"en": "Behaviour"})
    outbox: str | None = config.field(default=None, title={"en": "File that mails go to"})
    ring: int | None = config.field(default=None, title={"en": "Port to ring before waiting"})

    @property
    def sender(self) -> passpost.Address:
        return self.from_email

    @config.rule("ring")
    def _rings_at_a_port(self) -> Iterator[passpost.Problem]:
        if self.ring == 0:
            yield passpost.Problem("ring", "0 is out of range", "use 1 to 65535", code="acme-E1")


@passpost.hookimpl
def connector_info() -> passpost.ConnectorInfo:
    return passpost.ConnectorInfo(
        id="acme",
        name={"en": "Acme Mail", "zh-CN": "极致邮件"},
        description={"en": "Does what its settings say."},
        config_class=AcmeConfig,
        guide={
            "en": "# Acme Mail\n\nAsk *Acme* for a key, at <https://acme.example/>.\x1b[2J\n",
            "zh-CN": "# 极致邮件\n\n向 Acme 索取密钥。\n",
        },
        presets=(passpost.Preset("eu", {"en": "Europe"}, {}),),
        capabilities=frozenset(passpost.Capability) - {passpost.Capability.PROVIDER_TEMPLATES},
        stand_in="passpost_acme_stand_in:StandIn",
    )


@passpost.hookimpl
def parse_config(settings: Mapping[str, Any]) -> AcmeConfig:
    return config.parse(AcmeConfig, settings)


@passpost.hookimpl
@asynccontextmanager
async def open_session(config: AcmeConfig) -> AsyncIterator[None]:
    if config.behave == "unreachable":
        raise passpost.SendError(
            "nobody answers", outcome="rejected", scope="network", hint="Is the host right?"
        )
    yield


@passpost.hookimpl
async def send_mail(config: AcmeConfig, mail: passpost.Mail) -> passpost.Receipt:
    if config.behave == "crash":
        raise ValueError(f"cannot send {mail.payload} with {config.api_key.reveal()}")
    if config.behave == "interrupt":
        signal.raise_signal(signal.SIGINT)
    if config.behave in WAITS:
        await WAITS[config.behave](config)
    if config.behave == "count":
        return passpost.Receipt(str(mail.seconds_left()))
    if config.behave == "terse":
        return passpost.Receipt()
    behavior: str = config.behave
    if behavior == "by-recipient":
        behavior, _, _ = mail.to.address.partition("@")
    if behavior in FAILURES:
        raise failure(behavior)
    if config.outbox is not None:
        _keep(Path(config.outbox), mail)
    return passpost.Receipt("acme-7", "250 OK \x1b[31mqueued")


@passpost.hookimpl
async def check_connection(config: AcmeConfig) -> Sequence[passpost.Finding]:
    if config.behave == "interrupt":
        raise KeyboardInterrupt
    if config.behave == "wait":
        await _wait(config)
    if config.behave == "crash":
        raise ValueError(config.api_key.reveal())
    found = [passpost.Finding("connection", "ok", "reached\x1b[31m")]
    if config.behave == "warn":
        found.append(passpost.Finding("quota", "warning", "90 % used", "Order more."))
    if config.behave == "reject":
        found.append(passpost.Finding("sign-in", "error", "535 refused", "Use an app password."))
    return found


FAILURES = {
    "reject": lambda: passpost.SendError(
        "the key was refused",
        outcome="rejected",
        scope="account",
        provider_code="535 5.7.8",
        response="no such key\r\nfake.jsonc:1:1: line",
        hint="Take a new key from the console.",
    ),
    "throttle": lambda: passpost.SendError(
        "too many mails", outcome="rejected", scope="provider", temporary=True, retry_after=30.0
    ),
    "nobody": lambda: passpost.SendError(
        "550 5.1.1 No such user", outcome="rejected", scope="recipient", hint="Is it a typo?"
    ),
    "busy": lambda: passpost.SendError(
        "450 4.2.1 Mailbox busy", outcome="rejected", scope="recipient", temporary=True
    ),
    "told": lambda: passpost.SendError(
        "signing in failed: 535 5.7.8 wrong password",
        outcome="rejected",
        scope="account",
        provider_code="535 5.7.8",
        response="535 5.7.8 wrong password",
    ),
    "unknown": lambda: passpost.SendError(
        "the connection broke after the last byte",
        outcome="unknown",
        scope="network",
        temporary=True,
    ),
}


def failure(behaviour: str) -> passpost.SendError:
    return FAILURES[behaviour]()


async def _wait(config: AcmeConfig) -> None:
    """Tell the test that the waiting begins, and wait until somebody ends it."""
    if config.ring is not None:
        with socket.create_connection(("127.0.0.1", config.ring)):
            pass
    await asyncio.Event().wait()


async def _ask(config: AcmeConfig) -> None:
    """Wait until the test lets the email go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", config.ring)
    await reader.read(1)
    writer.close()


WAITS = {"wait": _wait, "interrupt": _wait, "ask": _ask}


def _keep(outbox: Path, mail: passpost.Mail) -> None:
    fields = {"to": str(mail.to), "subject": mail.subject, "text": mail.text, "html": mail.html}
    with outbox.open("a", encoding="utf-8") as file:
        file.write(json.dumps(fields) + "\n")


class Sluggish:
    """A second connector: plain functions, templates at the provider, no guide, no check."""

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id="sluggish",
            name={"en": "Sluggish"},
            description={"en": "Never finishes."},
            config_class=dict,
            capabilities=frozenset({passpost.Capability.PROVIDER_TEMPLATES}),
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    @passpost.hookimpl
    def send_mail(self) -> passpost.Receipt:
        threading.Event().wait()
        raise AssertionError


sluggish = Sluggish()
