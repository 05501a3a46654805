"""Loads one connector into a plugin manager of its own, and calls its hooks with types."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from operator import itemgetter
from typing import Any, Final, TypeVar, cast

import pluggy

from passpost._config.fields import ConfigClassError
from passpost._connector_info import ConnectorInfo, Finding
from passpost._genuine import is_really
from passpost._messages.addresses import Address
from passpost._messages.messages import Mail, Receipt
from passpost._phrases import _, said
from passpost._plugins.defects import describe_defect, trace_defect
from passpost._plugins.descriptions import description_mistakes
from passpost._plugins.discovery import EntryPoint
from passpost._plugins.registration import (
    BrokenContract,
    implemented_hooks,
    load,
    plugin_error,
    plugin_name,
    register,
)
from passpost._plugins.signals import raised_by_signal
from passpost._problems import Problem
from passpost._text import quoted
from passpost._wording import chained, in_pairs
from passpost.errors import ConfigError, PluginError
from passpost.hookspecs import ConnectorSpec

T = TypeVar("T")

_REQUIRED: Final = ("connector_info", "parse_config", "send_mail")


class ConnectorHooks:
    """The hooks of one connector, and of no other: its manager holds this one plugin.

    Args:
        connector: The ID that the plugin must have; None for any.
        plugin: The module, or any object with the hooks.
        distribution: Who brought it, for errors.

    Raises:
        PluginError: A hook is missing, has a name or an argument that the contract does not know,
            or describes another connector.
    """

    def __init__(self, connector: str | None, plugin: object, distribution: str) -> None:
        self.id = connector or distribution
        self.distribution = distribution
        self._manager = self._register(plugin)
        self.info = self.describe(connector)
        self.id = self.info.id
        # Of several, the one that pluggy calls first.
        implementation = self._manager.hook.send_mail.get_hookimpls()[-1]
        self.sends_async = inspect.iscoroutinefunction(implementation.function)
        # Called without pluggy, which takes a twentieth of what an email takes: the plugin is
        # alone, and its arguments were checked when it was registered.
        self._send = implementation.function
        self._pick = _picker(("config", "session", "mail"), implementation.argnames)

    def _register(self, plugin: object) -> pluggy.PluginManager:
        try:
            manager = register(ConnectorSpec, plugin, self.id)
        except BrokenContract as error:
            wrong = said(error)
        else:
            self._require_hooks(plugin, implemented_hooks(manager))
            return manager
        raise self._make_error(wrong)

    def _require_hooks(self, plugin: object, there: tuple[str, ...]) -> None:
        missing = [name for name in _REQUIRED if name not in there]
        if missing:
            raise self._make_error(
                _(
                    "lacks the hook {names}: define it in {plugin_name} and mark it with "
                    "@passpost.hookimpl",
                    names=in_pairs(missing),
                    plugin_name=plugin_name(plugin),
                )
            )

    def describe(self, connector: str | None = None) -> ConnectorInfo:
        """Return what the plugin says of itself.

        Raises:
            PluginError: It fails to, or describes another connector than this one.
        """
        info = self._call(_("fails to describe itself"), self._manager.hook.connector_info)
        if not isinstance(info, ConnectorInfo):
            raise self._make_error(_("does not return a ConnectorInfo from connector_info"))
        mistakes = self._call(
            _("fails to describe itself"), lambda: list(description_mistakes(info))
        )
        if mistakes:
            raise self._make_error(_("describes itself wrongly: {names}", names=chained(mistakes)))
        if connector is not None and info.id != connector:
            raise self._make_error(
                _("describes the connector {name} instead", name=quoted(info.id))
            )
        return info

    def _call(self, fails: str, hook: Callable[[], Any]) -> Any:
        """Return what code of the plugin returns that does no I/O; whatever it raises is a defect.

        Raises:
            ConfigError: As the plugin raised it.
            PluginError: The plugin raised anything else, SystemExit and CancelledError included.
        """
        try:
            return hook()
        except (ConfigError, KeyboardInterrupt):
            raise
        except ConfigClassError as error:
            defect, trace = str(error), ""
        except BaseException as error:
            if raised_by_signal(error):
                raise
            defect, trace = describe_defect(error), trace_defect(error)
        # Raised here, so that no context keeps an exception whose text may quote a setting.
        raise self._make_error(_("{fails}: {defect}", fails=fails, defect=defect), trace)

    def parse_config(self, settings: Mapping[str, Any]) -> Any:
        """Turn settings into the connector's config.

        Raises:
            ConfigError: The settings are wrong, as the connector says it.
            PluginError: The hook failed otherwise, or returned no config.
        """
        parse = self._manager.hook.parse_config
        fails = _("fails to parse its settings")
        try:
            config = self._call(fails, lambda: parse(settings=settings))
        except ConfigError as error:
            problems = error.problems
            if self._call(fails, lambda: _has_error(problems)):
                raise
        else:
            if not isinstance(config, self.info.config_class):
                raise self._make_error(
                    _(
                        "does not return a {kind} from parse_config",
                        kind=self.info.config_class.__name__,
                    )
                )
            return config
        raise self._make_error(
            _(
                "rejects its settings without saying why: raise ConfigError with at "
                "least one problem of severity error"
            )
        )

    def examine(self, look: Callable[[], T]) -> T:
        """Return what a look at the config shows.

        Raises:
            PluginError: The config cannot be looked at.
        """
        found: T = self._call(_("has a config that cannot be used"), look)
        return found

    def open_session(
        self, config: Any, register_secret: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Any]:
        """Return the context of the connector's session; without the hook the session is None."""
        if not self._has("open_session"):
            return nullcontext()
        context = self._manager.hook.open_session(config=config, register_secret=register_secret)
        return cast("AbstractAsyncContextManager[Any]", context)

    def send_mail(self, config: Any, session: Any, mail: Mail) -> Awaitable[Receipt] | Receipt:
        """Call the hook as it is: a coroutine, or, from a plain function, the receipt."""
        result = self._send(*self._pick((config, session, mail)))
        return cast("Awaitable[Receipt] | Receipt", result)

    def check_connection(
        self, config: Any, session: Any, recipient: Address | None = None
    ) -> Awaitable[Sequence[Finding]]:
        """Ask the connector whether it would work, for a recipient if one is given.

        Raises:
            PluginError: It cannot be asked.
        """
        if not self._has("check_connection"):
            raise self._make_error(_("cannot check its connection without sending an email"))
        result = self._manager.hook.check_connection(
            config=config, session=session, recipient=recipient
        )
        return cast("Awaitable[Sequence[Finding]]", result)

    @property
    def checks_connection(self) -> bool:
        """Whether the connector implements `check_connection`."""
        return self._has("check_connection")

    def _has(self, hook: str) -> bool:
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def _make_error(self, what: str, trace: str = "") -> PluginError:
        return plugin_error("connector", self.id, self.distribution, what, trace)


def _picker(
    given: tuple[str, ...], wanted: Sequence[str]
) -> Callable[[tuple[Any, ...]], Iterable[Any]]:
    """Return what picks the arguments that a hook names out of all that are given."""
    places = [given.index(name) for name in wanted]
    if len(places) > 1:
        return itemgetter(*places)
    # Of a single place, `itemgetter` returns what is there by itself.
    return lambda values: [values[place] for place in places]


def _has_error(problems: Sequence[Problem]) -> bool:
    """Return whether any problem is an error.

    Raises:
        ConfigClassError: A problem has something else than text.
    """
    for one in problems:
        texts = (one.path, one.message, one.remedy, "" if one.code is None else one.code)
        if not all(is_really(text, str) for text in texts):
            raise ConfigClassError("a Problem contains something else than text")
    return any(one.severity == "error" for one in problems)


def load_connector(entry: EntryPoint) -> ConnectorHooks:
    """Import a connector.

    Raises:
        PluginError: It cannot be imported, whatever its module raised, or breaks its contract.
    """
    try:
        plugin = load(entry)
    except BrokenContract as error:
        cause = error.__cause__
        raise plugin_error("connector", entry.name, entry.distribution, error) from cause
    return ConnectorHooks(entry.name, plugin, entry.distribution)
