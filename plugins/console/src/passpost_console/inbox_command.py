"""``passpost inbox``: receives emails on this machine, and shows them in a browser."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import click

from passpost_cli.command import Command
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.language import say
from passpost_cli.terminal import err, out
from passpost_console.launching import listening_at, opens_a_site, secret_for, show_link
from passpost_console.phrases import _

_SMTP_PORT: Final = 1025
_HTTP_PORT: Final = 8025
_VARIABLE: Final = "PASSPOST_INBOX_TOKEN"


@click.command(cls=Command, name="inbox")
@click.option(
    "--smtp-port",
    type=click.IntRange(0, 65535),
    default=_SMTP_PORT,
    show_default=True,
    help=_("The port for emails by SMTP; 0: a free one."),
)
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    default=_HTTP_PORT,
    show_default=True,
    help=_("The port for the pages and the API; 0: a free one."),
)
@opens_a_site
@click.option(
    "--token",
    envvar=_VARIABLE,
    metavar="TOKEN",
    help=_("The token of the API; by default a random one. PASSPOST_INBOX_TOKEN sets it, too."),
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help=_("How many emails to keep; the oldest are dropped."),
)
def command(  # noqa: PLR0913, PLR0917 - click passes each option
    smtp_port: int,
    http_port: int,
    address: str,
    secret_file: str | None,
    names: tuple[str, ...],
    no_browser: bool,
    token: str | None,
    keep: int,
) -> None:
    """Receive emails on this machine, and show them.

    Nothing is delivered to anybody. The link that it prints lets one browser in, once. Ctrl-C ends
    it, and forgets the emails.
    """
    # Here, since `passpost --help` imports this module.
    from passpost_console.gate import SHORTEST_SECRET  # noqa: PLC0415
    from passpost_console.inbox.service import Inbox  # noqa: PLC0415
    from passpost_console.inbox.store import Emails  # noqa: PLC0415
    from passpost_console.inbox_site import InboxSite  # noqa: PLC0415
    from passpost_console.pages.inbox import pasted  # noqa: PLC0415
    from passpost_console.server import Launched  # noqa: PLC0415

    if token is not None and len(token) < SHORTEST_SECRET:
        raise CommandError(
            _("the token is shorter than {n} characters", n=SHORTEST_SECRET),
            _("make one with `openssl rand -base64 24`"),
        )
    secret = secret_for(address, secret_file)
    with (
        listening_at(address, http_port, "--http-port") as listening,
        listening_at(address, smtp_port, "--smtp-port") as smtp,
        Inbox(smtp, make_host(), Emails(keep), token or "") as inbox,
    ):
        launched = Launched(
            lambda gate, hosts: InboxSite(inbox, allow=gate, hosts=hosts),
            listening,
            secret=secret,
            names=names,
        )

        def announce() -> None:
            err(say(_("The inbox is ready. This link works once; Ctrl-C ends the inbox:")))
            show_link(launched.link, browser=not no_browser)
            err(say(_("Paste this into `connectors` of a settings file for development:")))
            out(pasted(inbox.offers[0].connector, inbox.offers[0].settings))
            others = [one.connector for one in inbox.offers[1:]]
            if others:
                err(say(_("The page has the settings of {others}, too.", others=others)))
            if token is None:
                err(say(_("The token of the API at {url}:", url=f"{launched.origin}/api")))
                out(inbox.token)

        # Ctrl-C is how an inbox ends.
        with suppress(KeyboardInterrupt):
            launched.serve(announce)
