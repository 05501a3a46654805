"""``passpost console``: opens the console of a settings file in a browser."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.language import say
from passpost_cli.terminal import err, out
from passpost_console.phrases import _

_HERE: Final = "127.0.0.1"


@click.command(cls=Command, name="console")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=0,
    help=_("The port; 0: a free one."),
)
@click.option(
    "--host",
    "address",
    metavar="ADDRESS",
    default=_HERE,
    show_default=True,
    help=_("The address to listen at. Other than this machine's own requires --secret-file."),
)
@click.option(
    "--secret-file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help=_("A file with the secret that lets browsers in."),
)
@click.option(
    "--name",
    "names",
    metavar="HOSTNAME",
    multiple=True,
    help=_("A hostname under which the console answers; may be repeated."),
)
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help=_("A log of deliveries to show: a JSON document in each line."),
)
@click.option("--no-browser", is_flag=True, help=_("Print the link, and open no browser."))
def command(  # noqa: PLR0913, PLR0917 - click passes each option
    file: str,
    port: int,
    address: str,
    secret_file: str | None,
    names: tuple[str, ...],
    log: str | None,
    no_browser: bool,
) -> None:
    """Set up connectors in a browser.

    The link that it prints lets one browser in, once. FILE need not exist yet. Ctrl-C ends it.
    """
    # Here, since `passpost --help` imports this module.
    from passpost_console.server import Launched, is_loopback, listen  # noqa: PLC0415

    secret = _read_secret(secret_file)
    if secret is None and not is_loopback(address):
        raise CommandError(
            _("other machines could reach the console without a secret"),
            _("write a secret to a file, and name it with `--secret-file`"),
        )
    try:
        listening = listen(address, port)
    except OSError as error:
        problem = _("cannot listen there: {reason}", reason=error.strerror or "")
    else:
        launched = Launched(file, listening, secret=secret, names=names, host=make_host(), log=log)
        # Ctrl-C is how a console ends.
        with suppress(KeyboardInterrupt):
            launched.serve(lambda: _announce(launched.link, browser=not no_browser))
        return
    raise CommandError(problem, _("use another `--port` or `--host`"))


def _announce(link: str, *, browser: bool) -> None:
    err(say(_("The console is ready. This link works once; Ctrl-C ends the console:")))
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
