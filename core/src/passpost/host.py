"""The host: finds connectors, loads the ones that are used, and gives them their settings."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from passpost import config as _config
from passpost.connector import Capability, ConnectorInfo, InstalledConnector
from passpost.connector_hooks import ConnectorHooks, load_connector
from passpost.discovery import installed_connectors, unknown_connector
from passpost.errors import ConfigError, PluginError, UnknownConnectorError
from passpost.extensions import Extensions, InstalledExtension, list_extensions

if TYPE_CHECKING:
    from passpost.config import Problem, Settings


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Connector:
    """A connector with its config: what a mailer sends through. `Host.configure` makes it.

    Attributes:
        id: The connector's id: ``smtp``.
        name: What the application calls it: the name in its settings file, else the id.
        info: What the connector says of itself.
        config: Its parsed settings.
        warnings: What is unlikely to be meant in them; placeholders not filled in yet are here.
    """

    id: str
    name: str
    info: ConnectorInfo
    config: Any
    warnings: tuple[Problem, ...] = ()
    hooks: ConnectorHooks
    extensions: Extensions
    placeholders: tuple[Problem, ...] = ()

    def lacks_templates(self) -> Problem | None:
        """Give the problem of a connector that has no template to send with, if that is so."""
        at_provider = Capability.PROVIDER_TEMPLATES in self.info.capabilities
        if at_provider or self.extensions.supply_templates:
            return None
        return _config.require_templates(self.config)

    def __repr__(self) -> str:
        return f"<Connector {self.name!r}: {self.id}>"


class Host:
    """Knows the connectors of this environment. Making one imports nothing.

    Each connector that is used is loaded into a plugin manager of its own, so that a broken one
    harms no other and none is handed another's credentials. A host may be shared between threads.

    Args:
        extensions: Modules or objects with extension hooks, besides the installed ones.
        installed_extensions: The names of the installed extensions to use; ``()`` leaves all out,
            None uses all.
        environ: Where ``"${NAME}"`` in settings is looked up; the process environment by default.
        read_files: Whether ``"${file:…}"`` in settings may read files. Turn it off where settings
            come from people who may not read the server's files.
    """

    def __init__(
        self,
        extensions: Iterable[object] = (),
        *,
        installed_extensions: Iterable[str] | None = None,
        environ: Mapping[str, str] | None = None,
        read_files: bool = True,
    ) -> None:
        if isinstance(installed_extensions, str):
            raise TypeError(
                "installed_extensions is a sequence of names: write "
                f"installed_extensions=({installed_extensions!r},)"
            )
        self._given_extensions = tuple(extensions)
        self._chosen_extensions = (
            None if installed_extensions is None else tuple(installed_extensions)
        )
        self._environ = environ
        self._read_files = read_files
        self._lock = threading.RLock()
        self._loaded: dict[str, ConnectorHooks] = {}
        self._registered: dict[str, InstalledConnector] = {}
        self._extensions: Extensions | None = None

    def installed(self) -> tuple[InstalledConnector, ...]:
        """List the connectors of the environment and of this host; imports none of them."""
        return (*self._registered.values(), *installed_connectors())

    def register(self, module: object) -> ConnectorInfo:
        """Add a connector of this process: a module or object with connector hooks.

        It takes precedence over an installed connector of the same id.

        Returns:
            What the connector says of itself.

        Raises:
            PluginError: It breaks the contract of its hooks, or its id is registered already.
        """
        name = str(getattr(module, "__name__", type(module).__name__))
        described = getattr(module, "connector_info", None)
        connector = _id_of(described() if callable(described) else None, name)
        hooks = ConnectorHooks(connector, module, name)
        with self._lock:
            if connector in self._registered:
                raise PluginError(f"{connector!r} is registered already", connector=connector)
            self._registered[connector] = InstalledConnector(connector, "", "", name)
            self._loaded[connector] = hooks
        return hooks.info

    def info(self, connector: str) -> ConnectorInfo:
        """Load a connector and give what it says of itself.

        Raises:
            UnknownConnectorError: No installed package provides the id.
            PluginError: The connector is broken.
        """
        return self._hooks(connector).info

    def configure(
        self, connector: str, settings: Mapping[str, Any] | str, *, name: str | None = None
    ) -> Connector:
        """Give a connector its settings. No network is touched.

        Args:
            connector: The connector's id.
            settings: A mapping, or the text of a JSON file with comments.
            name: What the application calls this connector; its id by default.

        Raises:
            ConfigError: The settings are wrong; `problems` lists everything that is.
            UnknownConnectorError: No installed package provides the id.
            PluginError: The connector, or an installed extension, is broken.
        """
        hooks = self._hooks(connector)
        read = (
            _config.read(settings) if isinstance(settings, str) else _config.Settings.of(settings)
        )
        resolved, problems = self.resolve(read)
        config = _parsed(hooks, resolved, problems)
        return Connector(
            id=connector,
            name=name or connector,
            info=hooks.info,
            config=config,
            warnings=resolved.placed(_config.warnings(config)),
            placeholders=resolved.placed(_config.placeholders(config)),
            hooks=hooks,
            extensions=self.extensions,
        )

    def resolve(self, settings: Settings) -> tuple[Settings, tuple[Problem, ...]]:
        """Put what they stand for in place of the references in settings.

        Returns:
            The settings at the same places, and what could not be found.
        """
        environ = os.environ if self._environ is None else self._environ
        return _config.resolve(settings, environ=environ, read_files=self._read_files)

    @property
    def extensions(self) -> Extensions:
        """The extensions: loaded when first asked for.

        Raises:
            PluginError: An extension is broken, or one that was chosen is not installed.
        """
        with self._lock:
            if self._extensions is None:
                self._extensions = Extensions(self._given_extensions, self._chosen_extensions)
            return self._extensions

    def installed_extensions(self) -> tuple[InstalledExtension, ...]:
        """List the extensions of the environment and of this host.

        Those that this host uses are imported, which shows whether they work and what they do.

        Raises:
            PluginError: The host was told to use an extension that is not installed.
        """
        return list_extensions(self._given_extensions, self._chosen_extensions)

    def _hooks(self, connector: str) -> ConnectorHooks:
        with self._lock:
            hooks = self._loaded.get(connector)
            if hooks is None:
                hooks = self._loaded[connector] = self._load(connector)
            return hooks

    def _load(self, connector: str) -> ConnectorHooks:
        try:
            return load_connector(connector)
        except UnknownConnectorError:
            known = [installed.id for installed in self.installed()]
        raise unknown_connector(connector, known)


def _parsed(hooks: ConnectorHooks, settings: Settings, unresolved: tuple[Problem, ...]) -> Any:
    """Parse settings, adding what could not be resolved before to what is wrong now."""
    try:
        config = hooks.parse_config(settings)
    except ConfigError as error:
        if not unresolved:
            raise
        problems = error.problems
    else:
        if not unresolved:
            return config
        problems = ()
    # A connector that parses with passpost.config has reported what is unresolved, too.
    raise ConfigError(dict.fromkeys((*unresolved, *problems)))


def _id_of(info: object, fallback: str) -> str:
    return info.id if isinstance(info, ConnectorInfo) else fallback
