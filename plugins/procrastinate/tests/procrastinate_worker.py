"""A worker of Procrastinate, as a process of its own.

It is given JSON as its argument. The connector appends the recipient of each email to a file. Told
to hang, it says so, and holds each email until it is killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import attrs

import passpost
from passpost import config
from passpost_outbox import Keys, Worker
from passpost_outbox.postgres import PostgresStore
from passpost_procrastinate import ProcrastinateEngine


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    @property
    def sender(self) -> passpost.Address:
        return passpost.Address("no-reply@example.com")


class Recorder:
    """A connector that appends the recipient of each email to a file."""

    def __init__(self, path: str, *, hangs: bool) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.hangs = hangs

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        text = {"en": "Recorder"}
        return passpost.ConnectorInfo(
            id="recorder", name=text, description=text, config_class=Config
        )

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        # One write of so few bytes is whole.
        os.write(self.file, f"{mail.to.local}\n".encode())
        if self.hangs:
            sys.stdout.write("sending\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        return passpost.Receipt()


async def main(task: Mapping[str, Any]) -> None:
    host = passpost.Host(environ={}, installed_extensions=())
    host.register(Recorder(task["file"], hangs=task["hangs"]))
    settings = {
        "connectors": {"primary": {"use": "recorder", "settings": {}}},
        "templates": [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}],
    }
    keys = Keys({"2026-11": b"k" * 32}, use="2026-11")
    engine = ProcrastinateEngine(task["url"])
    store = PostgresStore(task["url"])
    async with passpost.AsyncMailer.from_settings(settings, host) as mailer:
        worker = Worker(store, keys, mailer, engine=engine, poll=None, lease=1, sweep_every=0.2)
        await engine.run(worker, concurrency=3, wait=task["wait"])
    await store.aclose()
    await engine.aclose()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
