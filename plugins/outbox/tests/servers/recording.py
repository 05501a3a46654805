"""A connector that appends the recipient of each email to a file, whichever process sends it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

import passpost
from passpost import config


@attrs.frozen(kw_only=True)
class Config(config.ConnectorConfig):
    @property
    def sender(self) -> passpost.Address:
        return passpost.Address("no-reply@example.com")


class Connector:
    """The hooks of a connector that has no settings; its class adds how it sends."""

    @passpost.hookimpl
    def connector_info(self) -> passpost.ConnectorInfo:
        text = {"en": "of a test"}
        return passpost.ConnectorInfo(id="test", name=text, description=text, config_class=Config)

    @passpost.hookimpl
    def parse_config(self, settings: Mapping[str, Any]) -> Config:
        return config.parse(Config, settings)

    def mailer(self) -> passpost.AsyncMailer:
        """Return a mailer that has nothing else."""
        host = passpost.Host(environ={}, installed_extensions=())
        host.register(self)
        settings = {
            "connectors": {"primary": {"use": "test", "settings": {}}},
            "templates": [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}],
            "delivery": {"attempts": 1},
        }
        return passpost.AsyncMailer.from_settings(settings, host)


class Recorder(Connector):
    """A connector that appends the recipient of each email to a file."""

    def __init__(self, path: str | Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @passpost.hookimpl
    async def send_mail(self, mail: passpost.Mail) -> passpost.Receipt:
        await self.before()
        # One write of so few bytes is whole.
        os.write(self.file, f"{mail.to.local}\n".encode())
        await self.after()
        return passpost.Receipt()

    async def before(self) -> None:
        """Do what comes before an email is sent."""

    async def after(self) -> None:
        """Do what comes after it was sent."""
