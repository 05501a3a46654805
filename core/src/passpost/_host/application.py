"""Reads an application's settings file: several connectors, the policy, and templates."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from passpost._config.jsonc import read
from passpost._config.settings import Settings
from passpost._frames import WrongTypeError, without_arguments
from passpost._host.connector import Connector
from passpost._host.files import NO_FILE, read_file
from passpost._host.host import Host, settings_from
from passpost._host.sections import Section, read_sections
from passpost._host.stores import open_stores
from passpost._phrases import said
from passpost._problems import Invalid, Problem, in_order
from passpost._settings.application import ApplicationSettings, ConnectorEntry, read_application
from passpost._settings.connector_config import MISSING, MissingVariables, missing_templates
from passpost._settings.policy import Policy
from passpost._settings.stores import StoresEntry
from passpost._stores import Stores
from passpost._templates.template import Template
from passpost.errors import ConfigError, PluginError, UnknownConnectorError

if TYPE_CHECKING:
    from passpost._config.reading import Reading
    from passpost._connector_info import Finding

log: Final = logging.getLogger("passpost")


@attrs.frozen(kw_only=True)
class Application:
    """What an application's settings file says.

    Attributes:
        connectors: The connectors in order of preference.
        policy: The file's ``delivery``.
        templates: The application's own templates.
        missing_variables: What to do about a variable that the payload lacks; None leaves it to
            each connector's settings.
        stores: What sends have to remember beyond themselves; None remembers in the process.
        sections: The sections of the file that packages of their own read.
        warnings: What is probably a mistake, in the order of the file.
    """

    connectors: tuple[Connector, ...]
    policy: Policy
    templates: tuple[Template, ...] = ()
    missing_variables: MissingVariables | None = None
    stores: Stores | None = None
    sections: tuple[Section, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def has_stores(self) -> bool:
        """Whether `check_stores` has anything to ask."""
        return self.stores is not None or bool(self.sections)

    async def check_stores(self) -> list[Finding]:
        """Ask each store, those of sections as well, whether it can be reached and what it loses.

        Whatever a store of another package raises, this raises, too.
        """
        found: list[Finding] = []
        if self.stores is not None:
            try:
                found += await self.stores.check()
            finally:
                await self.stores.aclose()
        for section in self.sections:
            found += await section.check()
        return found

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of a mailer for this application."""
        return {
            "policy": self.policy,
            "templates": self.templates,
            "missing_variables": self.missing_variables,
            "stores": self.stores,
        }


@without_arguments
def load(path: str | os.PathLike[str], host: Host | None = None) -> Application:
    """Read an application's settings file.

    Args:
        path: The file: JSON with comments.
        host: Where its connectors are looked up; a new `Host` by default.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong; `problems` lists
            everything that is, connectors that cannot be used among it.
        PluginError: An extension of the environment is broken.
        TypeError: The path is not one: settings that are not a file go to `Mailer.from_settings`.
    """
    if not _is_path(path):
        raise WrongTypeError(f"this requires the path of a file, {_kind(path)}; {NO_FILE}")
    return configure_application(read(read_file(path), os.fspath(path)), host or Host())


def _is_path(path: Any) -> bool:
    return isinstance(path, str) or (
        isinstance(path, os.PathLike) and isinstance(os.fspath(path), str)
    )


class FromSettings:
    """Makes a mailer from an application's settings; the base of both mailers."""

    @classmethod
    @without_arguments
    def from_file(
        cls, path: str | os.PathLike[str], host: Host | None = None, *, stores: Stores | None = None
    ) -> Self:
        """Return a mailer for an application's settings file.

        Warnings of the settings are logged by the logger ``passpost``.

        Args:
            path: The file: JSON with comments.
            host: Where its connectors are looked up; a new `Host` by default.
            stores: What sends have to remember beyond themselves; see `passpost.stores.Stores`.
                They replace the stores that the file names.

        Raises:
            ConfigError: The file cannot be read, or its settings are wrong.
            TypeError: The path is not one.
        """
        return cls._from_application(load(path, host), stores)

    @classmethod
    @without_arguments
    def from_settings(
        cls,
        settings: Mapping[str, Any] | str,
        host: Host | None = None,
        *,
        stores: Stores | None = None,
    ) -> Self:
        """Return a mailer for settings from a database, TOML or the environment.

        Warnings of the settings are logged by the logger ``passpost``.

        Args:
            settings: The content of a settings file, as a mapping or as text. In a mapping, a
                secret may be a `Secret` or pydantic's ``SecretStr``.
            host: Where its connectors are looked up; a new `Host` by default.
            stores: What sends have to remember beyond themselves; see `passpost.stores.Stores`.
                They replace the stores that the settings name.

        Raises:
            ConfigError: The settings are wrong; `problems` lists everything that is.
            TypeError: The settings are of another type.
        """
        return cls._from_application(load_settings(settings, host), stores)

    @classmethod
    def _from_application(cls, application: Application, stores: Stores | None) -> Self:
        for problem in application.warnings:
            log.warning("%s", problem)
        if stores is not None:
            application = attrs.evolve(application, stores=stores)
        make: Any = cls
        mailer: Self = make(*application.connectors, **application.options())
        return mailer


def check_arguments(
    connectors: Sequence[Any], templates: Any, policy: Any = None, stores: Any = None
) -> None:
    """Check the arguments of a mailer.

    Raises:
        WrongTypeError: An argument has the wrong type.
    """
    for connector in connectors:
        if not isinstance(connector, Connector):
            raise WrongTypeError(f"a mailer requires configured connectors, {_instead(connector)}")
    if policy is not None and not isinstance(policy, Policy):
        raise WrongTypeError(
            f"policy is a passpost.Policy, {_kind(policy)}: write Policy(timeout=20)"
        )
    if stores is not None and not isinstance(stores, Stores):
        raise WrongTypeError(f"stores is a passpost.stores.Stores, {_kind(stores)}")
    if isinstance(templates, str | Mapping):
        raise WrongTypeError(f"templates are a sequence of passpost.Template, {_kind(templates)}")
    for template in templates:
        if not isinstance(template, Template):
            raise WrongTypeError(
                f"templates are passpost.Template objects, {_kind(template)}: write "
                'Template(usage_type="SignIn", subject=…, content=…), or pass them as settings to '
                "passpost.Mailer.from_settings"
            )


def _instead(connector: Any) -> str:
    if isinstance(connector, str | os.PathLike):
        advice = "use passpost.Mailer.from_file(path), or Host().configure(id, settings)"
    elif isinstance(connector, Mapping):
        advice = "use passpost.Mailer.from_settings(settings), or Host().configure(id, settings)"
    else:
        advice = "use what passpost.Host().configure(id, settings) returns"
    return f"{_kind(connector)}: {advice}"


def _kind(value: Any) -> str:
    return f"not a value of type {type(value).__name__}"


def load_settings(settings: Mapping[str, Any] | str, host: Host | None = None) -> Application:
    """Read an application's settings that are not a file: a mapping, or text.

    Raises:
        ConfigError: The settings are wrong; `problems` lists everything that is.
        PluginError: An extension of the environment is broken.
        TypeError: The settings are of another type.
    """
    return configure_application(settings_from(settings, "from_settings"), host or Host())


def configure_application(settings: Settings, host: Host) -> Application:
    """Configure each connector of an application.

    Raises:
        ConfigError: Something is wrong; `problems` lists everything that is.
        PluginError: An extension of the environment is broken.
    """
    resolved, unresolved = host.resolve(settings)
    reading = read_application(resolved)
    problems = [*unresolved, *(reading.problems if reading.failed else ())]
    # Each connector's own mistakes are shown, whatever is wrong with the rest of the file.
    connectors = tuple(_configure_each(reading, host, problems))
    stores, of_stores = _open_stores(reading)
    sections, of_sections = read_sections(resolved)
    others = (*of_stores, *of_sections)
    problems += [each for each in others if each.severity == "error"]
    if not reading.failed and not reading.config.templates:
        problems += _without_templates(reading.config, connectors)
    if any(problem.severity == "error" for problem in problems):
        raise ConfigError(dict.fromkeys(problems))
    parsed: ApplicationSettings = reading.config
    return Application(
        connectors=connectors,
        policy=parsed.delivery,
        templates=parsed.templates,
        missing_variables=parsed.missing_variables,
        stores=stores,
        sections=sections,
        warnings=_warnings(reading, connectors, others),
    )


def _configure_each(reading: Reading, host: Host, problems: list[Problem]) -> Iterator[Connector]:
    """Configure each valid entry of a connector, and collect what is wrong with its settings."""
    unresolved = bool(problems)
    for path, entry in reading.objects:
        if not isinstance(entry, ConnectorEntry):
            continue
        name, own = str(path[-1]), entry.settings
        try:
            # Finds which problems are this connector's own; nothing is looked up a second time.
            wrong = host.resolve(own)[1] if unresolved else ()
            yield host.configure_resolved(entry.use, own, wrong, name)
        except ConfigError as error:
            problems += error.problems
        except UnknownConnectorError as error:
            use, remedy = (*path, "use"), error.remedy
            problems.append(reading.settings.problem(use, error.message, remedy, code="E401"))
        except PluginError as error:
            # The settings do not decide about extensions.
            if error.extension:
                raise
            problem = reading.settings.problem((*path, "use"), said(error), code="E401")
            problems.append(problem)


def _open_stores(reading: Reading) -> tuple[Stores | None, tuple[Problem, ...]]:
    """Open the stores of a valid entry, and collect what is wrong with their settings."""
    for path, entry in reading.objects:
        if isinstance(entry, StoresEntry):
            own = reading.settings.sub(*path)
            problems = own.placed(entry.problems_of_secret())
            try:
                stores, found = open_stores(entry, own.sub("settings"))
            except Invalid as error:
                use = own.problem(("use",), error.message, error.remedy, code="E430")
                stores, found = None, (use,)
            return stores, (*problems, *found)
    return None, ()


def _without_templates(
    parsed: ApplicationSettings, connectors: tuple[Connector, ...]
) -> Iterator[Problem]:
    for connector in connectors:
        if (problem := connector.lacks_templates()) is not None:
            yield from parsed.connectors[connector.name].settings.placed([problem])


def _warnings(
    reading: Reading, connectors: tuple[Connector, ...], others: tuple[Problem, ...]
) -> tuple[Problem, ...]:
    templates = reading.config.templates
    warnings = [*reading.warnings, *others]
    for connector in connectors:
        warnings += _warnings_of(connector, templates)
    if not templates:
        return in_order(warnings)
    if any(connector.lacks_templates() is not None for connector in connectors):
        warnings += reading.settings.placed(missing_templates(templates))
    return in_order(warnings)


def _warnings_of(connector: Connector, templates: Sequence[Template]) -> Iterator[Problem]:
    """Yield the warnings of a connector; the application's templates may serve more usages."""
    for warning in connector.warnings:
        if warning.code != MISSING or not templates:
            yield warning
            continue
        own = getattr(connector.config, "templates", ())
        for still in missing_templates([*own, *templates]):
            yield attrs.evolve(warning, message=still.message, remedy=still.remedy)
