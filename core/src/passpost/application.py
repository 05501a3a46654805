"""Reads an application's settings file: several connectors, the policy, and templates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost import config
from passpost.config import Policy, Problem, Settings
from passpost.config.problems import in_order
from passpost.errors import ConfigError, PluginError
from passpost.host import Host

if TYPE_CHECKING:
    from passpost.config import ApplicationSettings
    from passpost.config.base import MissingVariables
    from passpost.host import Connector
    from passpost.templates import Template

MAX_FILE: Final = 1 << 20
"""Bytes in a settings file; more is another file by mistake."""


@attrs.frozen(kw_only=True)
class Application:
    """What an application's settings file says.

    Attributes:
        connectors: The connectors in the order written: the order of preference.
        policy: The file's ``delivery``.
        templates: The application's own templates.
        missing_variables: What becomes of a variable that the payload lacks; None where the file
            leaves it to each connector's settings.
        warnings: What is unlikely to be meant, in the order of the file.
    """

    connectors: tuple[Connector, ...]
    policy: Policy
    templates: tuple[Template, ...] = ()
    missing_variables: MissingVariables | None = None
    warnings: tuple[Problem, ...] = ()

    def options(self) -> dict[str, Any]:
        """Give the keyword arguments of a mailer for this application."""
        return {
            "policy": self.policy,
            "templates": self.templates,
            "missing_variables": self.missing_variables,
        }


def load(path: str | os.PathLike[str], host: Host | None = None) -> Application:
    """Read an application's settings file.

    Args:
        path: The file: JSON with comments.
        host: Where its connectors are looked up; a new `Host` by default.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong; `problems` lists
            everything that is, connectors that cannot be used among it.
        PluginError: An extension of the environment is broken.
    """
    return configure_application(config.read(read_file(path), os.fspath(path)), host or Host())


def read_file(path: str | os.PathLike[str]) -> bytes:
    """Read a settings file whole.

    Raises:
        ConfigError: It cannot be read, or is too large to be one.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is no file name"
        problem = Problem("", f"the file cannot be read: {reason}", file=os.fspath(path))
        raise ConfigError([problem]) from error
    return content


def configure_application(settings: Settings, host: Host) -> Application:
    """Give each connector of an application its settings.

    Raises:
        ConfigError: Something is wrong; `problems` lists everything that is.
        PluginError: An extension of the environment is broken.
    """
    resolved, wrong = host.resolve(settings)
    problems = list(wrong)
    parsed = None
    try:
        parsed = config.parse_application(resolved)
    except ConfigError as error:
        problems += error.problems
    # Whatever is wrong with the rest of the file, each connector's own mistakes are shown as well.
    connectors = tuple(_configured(resolved, host, problems))
    if parsed is not None:
        problems += _without_templates(parsed, connectors, resolved)
    if parsed is None or any(problem.severity == "error" for problem in problems):
        raise ConfigError(dict.fromkeys(problems))
    return Application(
        connectors=connectors,
        policy=parsed.delivery,
        templates=parsed.templates,
        missing_variables=parsed.missing_variables,
        warnings=_warnings(parsed, connectors, resolved),
    )


def _configured(settings: Settings, host: Host, problems: list[Problem]) -> Iterator[Connector]:
    """Configure what looks like a connector, and collect what is wrong with it."""
    for name, use in _uses(settings):
        try:
            own = settings.sub("connectors", name, "settings")
            yield host.configure(use, own, name=name)
        except ConfigError as error:
            problems += error.problems
        except PluginError as error:
            problems.append(settings.problem(("connectors", name, "use"), str(error)))


def _uses(settings: Settings) -> Iterator[tuple[str, str]]:
    entries = settings.get("connectors")
    for name, entry in entries.items() if isinstance(entries, Mapping) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("use"), str):
            continue
        if isinstance(entry.get("settings"), Mapping):
            yield name, entry["use"]


def _without_templates(
    parsed: ApplicationSettings, connectors: tuple[Connector, ...], settings: Settings
) -> Iterator[Problem]:
    if parsed.templates:
        return
    for connector in connectors:
        if (problem := connector.lacks_templates()) is not None:
            own = settings.sub("connectors", connector.name, "settings")
            yield from own.placed([problem])


def _warnings(
    parsed: ApplicationSettings, connectors: tuple[Connector, ...], settings: Settings
) -> tuple[Problem, ...]:
    warnings = list(settings.placed(config.warnings(parsed)))
    for connector in connectors:
        warnings += connector.warnings
    if not parsed.templates:
        return in_order(warnings)
    # A connector's missing usages are no concern where the application's templates serve them.
    lacks = {
        config.missing_template(usage).message
        for usage in config.missing_usages()
        if usage not in config.missing_usages(parsed.templates)
    }
    return in_order(warning for warning in warnings if warning.message not in lacks)
