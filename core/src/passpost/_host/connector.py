"""A configured connector: what a mailer sends through."""

from __future__ import annotations

from typing import Any

import attrs

from passpost._connector_info import Capability, ConnectorInfo
from passpost._plugins.connector_hooks import ConnectorHooks
from passpost._plugins.extensions import Extensions
from passpost._problems import Problem
from passpost._settings.connector_config import require_templates


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Connector:
    """A connector with its config, made by `Host.configure`.

    Attributes:
        id: The connector's ID: ``smtp``.
        name: What the application calls it: the name in its settings file, else the ID.
        info: What the connector says of itself.
        config: Its parsed settings.
        internal_addresses: Whether it may reach loopback, private and reserved addresses.
        secrets: The texts of the secrets in its config.
        warnings: What is unlikely to be meant in the settings; placeholders not filled in are here.
    """

    id: str
    name: str
    info: ConnectorInfo
    config: Any
    warnings: tuple[Problem, ...] = ()
    hooks: ConnectorHooks
    extensions: Extensions
    placeholders: tuple[Problem, ...] = ()
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    internal_addresses: bool = True

    def lacks_templates(self) -> Problem | None:
        """Return the problem of a connector that has no template to send with; else None."""
        at_provider = Capability.PROVIDER_TEMPLATES in self.info.capabilities
        if at_provider or self.extensions.supply_templates:
            return None
        return require_templates(self.config)

    def __repr__(self) -> str:
        return f"<Connector {self.name!r}: {self.id}>"
