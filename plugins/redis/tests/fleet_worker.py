"""One process of a fleet: sends through a connector that writes each email down, or takes places.

It is given JSON on standard input, and prints a line of JSON for each send.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import attrs

import passpost
from passpost import config
from passpost._delivery import once
from passpost.stores import Rate
from passpost_redis import RedisRates, RedisServer

TEMPLATES = [{"usageType": "SignIn", "subject": "Code", "content": "{{code}}"}]


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    @property
    def sender(self) -> passpost.Address:
        return passpost.Address("no-reply@example.com")


class Recorder:
    """A connector that appends the recipient and the time of each email to a file.

    Args:
        path: The file, which all processes write to.
        hangs: Whether it then waits for ever, so that the process can be killed there.
        latency: Seconds until the provider replies.
    """

    def __init__(self, path: str, *, hangs: bool = False, latency: float = 0.0) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.hangs = hangs
        self.latency = latency

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        return passpost.ConnectorInfo(
            id="recorder",
            name={"en": "Recorder"},
            description={"en": "Writes emails down"},
            config_class=Config,
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        # One write of so few bytes is whole.
        os.write(self.file, f"{mail.to.local} {time.monotonic()}\n".encode())
        if self.hangs:
            say("hanging")
            await asyncio.Event().wait()
        await asyncio.sleep(self.latency)
        return passpost.Receipt()


def say(word: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"is": word, **more}) + "\n")
    sys.stdout.flush()


async def send(task: Mapping[str, Any], keys: Iterator[str]) -> None:
    """Send an email for each key."""
    # A process that vanishes is given up soon, or the tests would take minutes.
    vars(once)["_MARGIN"] = task.get("margin", 10.0)
    host = passpost.Host(environ={}, installed_extensions=())
    host.register(Recorder(task["file"], **task.get("recorder", {})))
    settings = {
        "connectors": {"primary": {"use": "recorder", "settings": {}}},
        "templates": TEMPLATES,
        "delivery": task.get("delivery", {}),
        "stores": task["stores"],
    }
    async with passpost.AsyncMailer.from_settings(settings, host) as mailer:

        async def work() -> None:
            for key in keys:
                idempotency_key = key if task.get("once") else None
                message = passpost.Message(
                    f"{key}@example.com",
                    "SignIn",
                    {"code": "493817"},
                    idempotency_key=idempotency_key,
                )
                say("result", key=key, **await result(mailer, message))

        await in_parallel(work)


async def result(mailer: passpost.AsyncMailer, message: passpost.Message) -> dict[str, Any]:
    try:
        receipt = await mailer.send(message)
    except passpost.SendError as error:
        facts = {"code": error.provider_code, "wait": error.retry_after}
        return {"outcome": error.outcome, **facts}
    return {"outcome": "accepted", "replayed": receipt.replayed}


async def take(task: Mapping[str, Any], keys: Iterator[str]) -> None:
    """Take a place of a rate for each key, and say between which times that was."""
    rates = RedisRates(RedisServer(task["url"]))
    rate = Rate.from_setting(task["rate"])

    async def work() -> None:
        for key in keys:
            began = time.monotonic()
            while wait := await rates.take("primary", rate):
                await asyncio.sleep(wait)
                began = time.monotonic()
            say("result", key=key, began=began, ended=time.monotonic())

    await in_parallel(work)
    await rates.aclose()


async def in_parallel(work: Callable[[], Awaitable[None]]) -> None:
    say("ready")
    sys.stdin.readline()
    await asyncio.gather(*(work() for _ in range(8)))


def main() -> None:
    task = json.loads(sys.stdin.readline())
    keys = list(task["keys"])
    if task.get("shuffled"):
        random.shuffle(keys)
    asyncio.run((take if "rate" in task else send)(task, iter(keys)))


if __name__ == "__main__":
    main()
