"""``passpost console``: opens the console of a settings file in a browser."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import click

from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.language import say
from passpost_cli.terminal import err
from passpost_console.launching import listening_at, opens_a_site, secret_for, show_link
from passpost_console.phrases import _

if TYPE_CHECKING:
    from passpost_console.gate import Gate
    from passpost_console.security import Hosts

_LOOPBACK: Final = "127.0.0.1"


@click.command(cls=Command, name="console")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=0,
    help=_("The port; 0: a free one."),
)
@opens_a_site
@click.option(
    "--inbox", is_flag=True, help=_("Start a development inbox, to which tests can be sent.")
)
@click.option(
    "--log",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help=_("A log of deliveries to show: a JSON document in each line."),
)
def command(  # noqa: PLR0913, PLR0917 - click passes each option
    file: str,
    port: int,
    address: str,
    secret_file: str | None,
    names: tuple[str, ...],
    log: str | None,
    no_browser: bool,
    inbox: bool,
) -> None:
    """Set up connectors in a browser.

    The link that it prints lets one browser in, once. FILE need not exist yet. Ctrl-C ends it.
    """
    # Here, since `passpost --help` imports this module.
    from passpost_console.addresses import listen  # noqa: PLC0415
    from passpost_console.app import Console  # noqa: PLC0415
    from passpost_console.inbox.service import Inbox  # noqa: PLC0415
    from passpost_console.server import Launched  # noqa: PLC0415

    def made(gate: Gate, hosts: Hosts) -> Console:
        console = Console(file, allow=gate, hosts=hosts, host=host, log=log, inbox=own)
        # A large file takes long, and its connectors have to be imported: no page waits for it.
        console.workspace.read()
        return console

    secret = secret_for(address, secret_file)
    host = make_host()
    with ExitStack() as stack:
        listening = stack.enter_context(listening_at(address, port, "--port"))
        own = stack.enter_context(Inbox(listen(_LOOPBACK, 0), host)) if inbox else None
        launched = Launched(made, listening, secret=secret, names=names)

        def announce() -> None:
            err(say(_("The console is ready. This link works once; Ctrl-C ends the console:")))
            show_link(launched.link, browser=not no_browser)

        # Ctrl-C is how a console ends.
        with suppress(KeyboardInterrupt):
            launched.serve(announce)
