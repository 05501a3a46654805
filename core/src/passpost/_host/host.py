"""Finds connectors, loads those that are used, and configures them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from passpost._config.jsonc import read
from passpost._config.reading import Reading, reading_of
from passpost._config.references import resolve, revealed
from passpost._config.secrecy import cleared, secrets_in
from passpost._config.settings import Settings
from passpost._connector_info import ConnectorInfo, InstalledConnector
from passpost._frames import WrongTypeError, without_arguments
from passpost._host.connector import Connector
from passpost._network.reachable import reaching
from passpost._phrases import _
from passpost._plugins.connector_hooks import ConnectorHooks, load_connector
from passpost._plugins.discovery import Catalog, EntryPoint, unknown_connector
from passpost._plugins.extensions import Extensions, InstalledExtension, list_extensions
from passpost._plugins.loading import loading
from passpost._plugins.registration import plugin_name
from passpost._settings.connector_config import check_config
from passpost._text import quoted
from passpost.errors import ConfigError, PluginError, UnknownConnectorError

if TYPE_CHECKING:
    from passpost._problems import Problem


class Host:
    """The registry of installed connectors. Creating one imports none of them.

    Each connector that is used is loaded into a plugin manager of its own, so that a broken one
    harms no other and none is given another's credentials. A host may be shared between threads.

    Args:
        extensions: Modules or objects with extension hooks, besides the installed ones.
        installed_extensions: The names of the installed extensions to use; ``()`` leaves all out,
            None uses all.
        environ: Where ``"${NAME}"`` in settings is looked up; the process environment by default.
        read_files: Whether ``"${file:…}"`` in settings may read files. Turn it off where settings
            come from people who may not read the server's files.
        internal_addresses: Whether connectors may reach loopback, private and reserved addresses.
            Turn it off where settings come from people who may not reach the server's network.
            Link-local addresses and the metadata services of clouds are never reached.
    """

    def __init__(
        self,
        extensions: Iterable[object] = (),
        *,
        installed_extensions: Iterable[str] | None = None,
        environ: Mapping[str, str] | None = None,
        read_files: bool = True,
        internal_addresses: bool = True,
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
        self._catalog: Catalog | None = None
        self._internal_addresses = internal_addresses
        self._loaded: dict[str, ConnectorHooks] = {}
        self._registered: dict[str, InstalledConnector] = {}
        self._extensions: Extensions | None = None

    def installed(self) -> tuple[InstalledConnector, ...]:
        """Return the connectors of the environment and of this host; imports none of them."""
        self._catalog = Catalog()
        return (*self._registered.values(), *self._catalog.installed())

    def register(self, module: object) -> ConnectorInfo:
        """Add a connector of this process: a module or object with connector hooks.

        It takes precedence over an installed connector of the same ID. Tests may register one of
        their own, which keeps emails in a list: it needs no server and no socket.

        Returns:
            What the connector says of itself.

        Raises:
            PluginError: It breaks the contract of its hooks, or its ID is registered already.
        """
        hooks = ConnectorHooks(None, module, plugin_name(module))
        listed = InstalledConnector(hooks.id, "", "", hooks.distribution)
        # One step, so that of two threads one gets the error.
        if self._registered.setdefault(hooks.id, listed) is not listed:
            raise PluginError(
                _("{connector} is registered already", connector=quoted(hooks.id)),
                connector=hooks.id,
            )
        self._loaded[hooks.id] = hooks
        return hooks.info

    def info(self, connector: str) -> ConnectorInfo:
        """Load a connector, and return what it says of itself.

        Raises:
            UnknownConnectorError: No installed package provides the ID.
            PluginError: The connector is broken.
        """
        return self._get_hooks(connector).info

    @without_arguments
    def configure(
        self, connector: str, settings: Mapping[str, Any] | str, *, name: str | None = None
    ) -> Connector:
        """Configure a connector. Does no network I/O.

        Args:
            connector: The connector's ID.
            settings: A mapping, or the text of a JSON file with comments.
            name: What the application calls this connector. Default: its ID.

        Raises:
            ConfigError: The settings are wrong; `problems` lists everything that is.
            UnknownConnectorError: No installed package provides the ID.
            PluginError: The connector, or an installed extension, is broken.
            TypeError: The settings are of another type, such as the path of a file.
        """
        self._get_hooks(connector)
        resolved, unresolved = self.resolve(settings_from(settings, "Host.configure"))
        return self.configure_resolved(connector, resolved, unresolved, name or connector)

    def configure_resolved(
        self, connector: str, settings: Settings, unresolved: tuple[Problem, ...], name: str
    ) -> Connector:
        """Configure a connector with settings whose references are replaced; see `configure`.

        Args:
            connector: The connector's ID.
            settings: The settings, with what they stand for in place of references.
            unresolved: What is wrong with references.
            name: What the application calls this connector.
        """
        hooks = self._get_hooks(connector)
        with reaching(internal=self._internal_addresses):
            config = _parse(hooks, settings, unresolved)
        reading, secrets = hooks.examine(lambda: _examine(config, settings))
        return Connector(
            id=connector,
            name=name,
            info=hooks.info,
            config=config,
            warnings=reading.warnings,
            placeholders=reading.placeholders,
            secrets=secrets,
            hooks=hooks,
            extensions=self.extensions,
            internal_addresses=self._internal_addresses,
        )

    def resolve(self, settings: Settings) -> tuple[Settings, tuple[Problem, ...]]:
        """Replace the references in settings by what they refer to.

        Returns:
            The settings at the same places, and what could not be found.
        """
        environ = os.environ if self._environ is None else self._environ
        return resolve(settings, environ=environ, read_files=self._read_files)

    @property
    def extensions(self) -> Extensions:
        """The extensions: loaded when first asked for.

        Raises:
            PluginError: An extension is broken, or one that was chosen is not installed.
        """
        if self._extensions is None:
            with loading():
                if self._extensions is None:
                    extensions = Extensions(self._given_extensions, self._chosen_extensions)
                    self._extensions = extensions
        return self._extensions

    def installed_extensions(self) -> tuple[InstalledExtension, ...]:
        """Return the extensions of the environment and of this host.

        Those that this host uses are imported, which shows whether they work and what they do.

        Raises:
            PluginError: passpost was told to use an extension that is not installed.
        """
        return list_extensions(self._given_extensions, self._chosen_extensions)

    def _get_hooks(self, connector: str) -> ConnectorHooks:
        if (hooks := self._loaded.get(connector)) is not None:
            return hooks
        with loading():
            hooks = self._loaded.get(connector)
            if hooks is None:
                hooks = self._loaded[connector] = load_connector(self._find_entry_point(connector))
            return hooks

    def _find_entry_point(self, connector: str) -> EntryPoint:
        # What was there a moment ago serves, unless it does not: packages come while we run.
        if self._catalog is not None:
            with contextlib.suppress(PluginError):
                return self._catalog.find(connector)
        self._catalog = catalog = Catalog()
        try:
            return catalog.find(connector)
        except UnknownConnectorError:
            known = (*self._registered, *catalog.ids)
        raise unknown_connector(connector, known)


def settings_from(settings: Mapping[str, Any] | str, who: str) -> Settings:
    """Return settings from a mapping or a text.

    Raises:
        ConfigError: The text cannot be read.
        WrongTypeError: They are neither.
    """
    settings = revealed(settings)
    if isinstance(settings, str):
        return read(settings)
    if isinstance(settings, Mapping):
        return Settings.of(settings)
    raise WrongTypeError(
        f"{who} requires settings as a mapping or as the text of JSON, not a value of type "
        f"{type(settings).__name__}; for a file use passpost.Mailer.from_file or passpost.load"
    )


def _parse(hooks: ConnectorHooks, settings: Settings, unresolved: tuple[Problem, ...]) -> Any:
    """Parse settings, adding what could not be resolved before to what is wrong now."""
    problems: tuple[Problem, ...] = ()
    try:
        config = hooks.parse_config(settings)
    except ConfigError as error:
        # A connector's own words may repeat what the settings have.
        problems = cleared(error.problems, hooks.info.config_class, settings)
    except PluginError:
        # What it fails on may be what is left of a reference that could not be followed.
        if not unresolved:
            raise
    else:
        if not unresolved:
            return config
    # A connector that parses with passpost.config has reported what is unresolved, too.
    raise ConfigError(dict.fromkeys((*unresolved, *problems)))


def _examine(config: Any, settings: Settings) -> tuple[Reading, tuple[str, ...]]:
    """Return what was found in settings and the secrets of their config, once a mailer can use it.

    Raises:
        BaseException: Whatever the config raises, or a `TypeError`.
    """
    check_config(config)
    return reading_of(config, settings), tuple(secrets_in(config))
