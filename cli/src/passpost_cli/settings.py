"""Reads FILE: an application's settings, or one connector's own."""

from __future__ import annotations

import sys
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost import config
from passpost._host.files import MAX_FILE, read_file
from passpost._host.sections import SECTIONS
from passpost._paths import path_keys
from passpost._text import quoted
from passpost._wording import nearest
from passpost_cli.arguments import STDIN, is_content, is_name, named
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.language import _
from passpost_tools.configuring import configured

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING: Final = {"E051", "E052", "E054", "E055"}
"""Codes of references that lead nowhere."""

_NOT_A_NAME: Final = _("FILE is the content of a file, not its name")
_USE_A_NAME: Final = _("use the file's name, or `-` for standard input")


def read_input(file: str) -> bytes:
    """Return the content of a file, or of standard input for ``-``.

    Raises:
        ConfigError: It cannot be read.
    """
    if file == STDIN:
        return sys.stdin.buffer.read(MAX_FILE + 1)
    if is_content(file):
        problem = passpost.Problem("", _NOT_A_NAME, _USE_A_NAME, file=named(file), code="E020")
    else:
        try:
            return read_file(file)
        except passpost.ConfigError as error:
            problem = attrs.evolve(error.problems[0], file=named(file))
    raise passpost.ConfigError([problem])


def load(file: str, connector: str | None) -> passpost.Application:
    """Read FILE and configure its connectors.

    Args:
        file: The file's name, or ``-``.
        connector: The connector of the file, if it is one connector's own settings; in an
            application's file, the name of the only connector to use.

    Raises:
        ConfigError: The settings are invalid.
        PluginError: A connector is unknown or broken.
        CommandError: The application's file has no such connector.
    """
    # Parsed before its kind is known, so that line and column are always those of the file.
    settings = config.read(read_input(file), named(file))
    return configure(settings, connector, make_host())


def load_without_secrets(file: str, connector: str | None) -> passpost.Application:
    """Read FILE for a command that sends nothing; a secret may be missing where a reference leads.

    Placeholders stand for such secrets. What else the file has, stores and sections, is left out.

    Raises:
        ConfigError: The settings are invalid, or something besides secrets is missing.
        PluginError: A connector is unknown or broken.
        CommandError: The application's file has no such connector.
    """
    settings = config.read(read_input(file), named(file))
    host = make_host()
    try:
        return configure(settings, connector, host)
    except passpost.ConfigError as error:
        wrong = error
    missing = [each for each in wrong.problems if each.severity == "error"]
    if all(each.code in _MISSING for each in missing):
        # A path with a long key is shortened, and leads nowhere.
        with suppress(passpost.ConfigError, LookupError):
            filled, placeholders = _filled(settings, missing)
            made = configured(filled, connector, host)
            secrets = {secret for one in made.connectors for secret in one.secrets}
            if secrets.issuperset(placeholders):
                return _chosen(made, settings, connector)
    raise wrong


def _filled(
    settings: config.Settings, missing: Iterable[passpost.Problem]
) -> tuple[config.Settings, list[str]]:
    """Return settings with placeholders for what is missing, and these; without unused parts."""
    unused = ("stores", *SECTIONS) if "connectors" in settings else ()
    data: Any = {key: deepcopy(value) for key, value in settings.data.items() if key not in unused}
    placeholders = []
    for number, problem in enumerate(missing):
        *steps, last = path_keys(problem.path)
        if steps and steps[0] in unused:
            continue
        # Different from each other, so that each is found among the secrets.
        placeholders.append(f"<your-secret-{number}>")
        reduce(getitem, steps, data)[last] = placeholders[-1]
    return settings.having(data), placeholders


def configure(
    settings: config.Settings, connector: str | None, host: passpost.Host
) -> passpost.Application:
    """Configure the connectors of a file that was read; see `load`."""
    whole = "connectors" in settings
    if connector is None and not whole and not nearest("connectors", settings):
        raise passpost.ConfigError([_needs_connector(settings, host)])
    return _chosen(configured(settings, connector, host), settings, connector)


def _chosen(
    made: passpost.Application, settings: config.Settings, connector: str | None
) -> passpost.Application:
    if connector is None or "connectors" not in settings:
        return made
    return _only(made, connector)


def _only(whole: passpost.Application, name: str) -> passpost.Application:
    # Names come first: two connectors of the application may have the same ID.
    chosen = [one for one in whole.connectors if one.name == name]
    chosen = chosen or [one for one in whole.connectors if one.id == name]
    if not chosen:
        names = [f"`{one.name}`" for one in whole.connectors]
        if is_name(name):
            wrong = _("unknown connector {name} in `--connector`", name=quoted(name))
        else:
            wrong = _("unknown connector in `--connector`")
        raise CommandError(wrong, _("use one of {names}", names=names))
    return attrs.evolve(whole, connectors=tuple(chosen))


def _needs_connector(settings: config.Settings, host: passpost.Host) -> passpost.Problem:
    # Slow to import, and few need it.
    from passpost_tools.descriptions import may_be_application  # noqa: PLC0415

    if may_be_application(settings):
        remedy = _("to add a connector: passpost init FILE")
    else:
        known = sorted({one.id for one in host.installed()}) or _("none installed")
        remedy = _("for one connector's own settings, add `--connector ID` ({known})", known=known)
    missing = _("not an application's settings: `connectors` is missing")
    return settings.problem((), missing, remedy, code="E400")
