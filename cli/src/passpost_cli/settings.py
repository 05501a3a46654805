"""Reads FILE: an application's settings, or one connector's own."""

from __future__ import annotations

import sys
from typing import Final

import attrs

import passpost
from passpost import config
from passpost._host.application import MAX_FILE, configure_application, read_file
from passpost._wording import nearest
from passpost_cli.arguments import STDIN, is_content, is_name, named
from passpost_cli.failures import Refusal
from passpost_cli.hosts import make_host

_NOT_A_NAME: Final = "FILE is the name of a file, not its content"
_WRITE_A_NAME: Final = 'write the name, or "-" to read standard input'


def read_input(file: str) -> bytes:
    """Read a file, or standard input for ``-``.

    Raises:
        ConfigError: It cannot be read.
    """
    if file == STDIN:
        return sys.stdin.buffer.read(MAX_FILE + 1)
    if is_content(file):
        problem = passpost.Problem("", _NOT_A_NAME, _WRITE_A_NAME, file=named(file))
    else:
        try:
            return read_file(file)
        except passpost.ConfigError as error:
            problem = attrs.evolve(error.problems[0], file=named(file))
    raise passpost.ConfigError([problem])


def load(file: str, connector: str | None) -> passpost.Application:
    """Read FILE and configure what it names.

    Args:
        file: The file's name, or ``-``.
        connector: The connector whose own settings the file holds; for an application's file, the
            name of the connector to take.

    Raises:
        ConfigError: The settings are wrong.
        PluginError: A connector is unknown or broken.
        Refusal: The application's file has no such connector.
    """
    host = make_host()
    # Read before it is known what it is, so that places are those of the whole file in either case.
    settings = config.read(read_input(file), named(file))
    if "connectors" in settings or (connector is None and nearest("connectors", settings)):
        whole = configure_application(settings, host)
        return whole if connector is None else _only(whole, connector)
    if connector is None:
        raise passpost.ConfigError([_needs_connector(settings, host)])
    return _alone(host.configure(connector, settings), settings)


def _alone(connector: passpost.Connector, settings: config.Settings) -> passpost.Application:
    problem = connector.lacks_templates()
    if problem is not None:
        raise passpost.ConfigError(settings.placed([problem]))
    return passpost.Application(
        connectors=(connector,), policy=passpost.Policy(), warnings=connector.warnings
    )


def _only(whole: passpost.Application, name: str) -> passpost.Application:
    # Names first: they are the application's own, and two of its connectors may have one id.
    chosen = [one for one in whole.connectors if one.name == name]
    chosen = chosen or [one for one in whole.connectors if one.id == name]
    if not chosen:
        names = ", ".join(one.name for one in whole.connectors)
        what = f" {name!r}" if is_name(name) else " of this name"
        raise Refusal(f"there is no connector{what} in it", f"it has {names}")
    return attrs.evolve(whole, connectors=tuple(chosen))


def _needs_connector(settings: config.Settings, host: passpost.Host) -> passpost.Problem:
    known = ", ".join(sorted({one.id for one in host.installed()})) or "none is installed"
    return settings.problem(
        (),
        "these are no application's settings: they name no connectors",
        f"if they are one connector's own, add --connector with its id ({known})",
    )
