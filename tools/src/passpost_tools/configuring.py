"""Settings that were read become an application, whether they are one or one connector's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import passpost
from passpost import config
from passpost._host.application import configure_application
from passpost.config import Settings


def configured(
    settings: Settings, connector: str | None, host: passpost.Host
) -> passpost.Application:
    """Configure an application, or one connector as an application of its own.

    Raises:
        ConfigError: The settings are invalid.
        PluginError: A connector is unknown or broken.
    """
    if connector is None or "connectors" in settings:
        return configure_application(settings, host)
    alone = host.configure(connector, settings)
    if (problem := alone.lacks_templates()) is not None:
        raise passpost.ConfigError(settings.placed([problem]))
    return passpost.Application(
        connectors=(alone,), policy=passpost.Policy(), warnings=alone.warnings
    )


def may_be_application(settings: Mapping[str, Any]) -> bool:
    """Return whether an application's settings may have these keys, and no others."""
    # Slow to import, and few need it.
    from passpost_tools.descriptions import form_fields  # noqa: PLC0415

    own = {field.key for field in form_fields(config.ApplicationSettings, "en")}
    return own.issuperset(key for key in settings if key != "$schema")
