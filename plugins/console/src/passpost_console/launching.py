"""What the commands that open a site in a browser share: options, a secret, a place to listen."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from passpost_cli.failures import CommandError
from passpost_cli.terminal import out
from passpost_console.phrases import _

if TYPE_CHECKING:
    import socket

_HERE: Final = "127.0.0.1"
_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option(
        "--host",
        "address",
        metavar="ADDRESS",
        default=_HERE,
        show_default=True,
        help=_("The address to listen at. Other than this machine's own requires --secret-file."),
    ),
    click.option(
        "--secret-file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help=_("A file with the secret that lets browsers in."),
    ),
    click.option(
        "--name",
        "names",
        metavar="HOSTNAME",
        multiple=True,
        help=_("A hostname under which the console answers; may be repeated."),
    ),
    click.option("--no-browser", is_flag=True, help=_("Print the link, and open no browser.")),
)


def opens_a_site(command: _Command) -> _Command:
    """Add the options of a command that opens a site."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def secret_for(address: str, file: str | None) -> str | None:
    """Return the secret that lets browsers in; None without one.

    Raises:
        CommandError: There is none, though other machines can reach the address, or it cannot be
            used.
    """
    # Here, since `passpost --help` imports this module.
    from passpost_console.addresses import is_loopback  # noqa: PLC0415

    secret = _read_secret(file)
    if secret is None and not is_loopback(address):
        raise CommandError(
            _("other machines could reach the console without a secret"),
            _("write a secret to a file, and name it with `--secret-file`"),
        )
    return secret


def listening_at(address: str, port: int, option: str) -> socket.socket:
    """Return a socket that listens.

    Args:
        address: The address.
        port: The port; 0: a free one.
        option: The option that names the port.

    Raises:
        CommandError: The address or the port cannot be used.
    """
    from passpost_console.addresses import listen  # noqa: PLC0415 - see above

    try:
        return listen(address, port)
    except OSError as error:
        problem = _("cannot listen there: {reason}", reason=error.strerror or "")
    raise CommandError(problem, _("use another `{option}` or `--host`", option=option))


def show_link(link: str, *, browser: bool) -> None:
    """Print the link that lets a browser in, and perhaps open it."""
    out(link)
    if browser:
        webbrowser.open(link)


def _read_secret(file: str | None) -> str | None:
    from passpost_console.gate import SHORTEST_SECRET  # noqa: PLC0415 - see above

    if file is None:
        return None
    try:
        secret = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            _("the file of the secret cannot be read"), _("check the path and its permissions")
        ) from None
    if len(secret) < SHORTEST_SECRET:
        raise CommandError(
            _("the secret is shorter than {n} characters", n=SHORTEST_SECRET),
            _("make one with `openssl rand -base64 24`"),
        )
    return secret
