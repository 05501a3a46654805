"""Describes a connector of another id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

import passpost


@attrs.frozen
class Config:
    templates: tuple[passpost.Template, ...] = ()


@passpost.hookimpl
def connector_info() -> passpost.ConnectorInfo:
    return passpost.ConnectorInfo(
        id="healthy", name={"en": "healthy"}, description={"en": "healthy"}, config_class=Config
    )


@passpost.hookimpl
def parse_config(settings: Mapping[str, Any]) -> Config:
    return Config((passpost.Template(usage_type="Generic", subject="s", content="c"),))


@passpost.hookimpl
async def send_mail(mail: passpost.Mail) -> passpost.Receipt:
    return passpost.Receipt(provider_id="healthy")
