"""Settings that were read become an application, whether they are one or one connector's own."""

from __future__ import annotations

import passpost
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
