"""``passpost init``: asks for settings, writes them, and sends a test email."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from passpost_cli.arguments import STDIN, is_content, named
from passpost_cli.command import Command
from passpost_cli.helping import verbatim
from passpost_cli.language import _, language
from passpost_cli.payloads import split_assignment

_PLACES: Final = {
    "environment": _("in environment variables, which you set"),
    "env-file": _("in .env beside FILE, with mode 600"),
    "file": _("in a file of their own beside FILE, with mode 600"),
    "settings": _("in FILE itself"),
}
_EPILOG: Final = "\n\n".join(
    (
        verbatim(
            _("WHERE secrets are kept:"),
            *(f"  {name:<11}  {meaning}" for name, meaning in _PLACES.items()),
        ),
        _(
            "Without a terminal, nothing is asked: an error names the options that are missing. If "
            "the command is interrupted at a question, it has written nothing."
        ),
    )
)


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("file", metavar="[FILE]", default="passpost.jsonc")
@click.option("--connector", metavar="ID", help=_("The connector that sends the emails."))
@click.option("--preset", metavar="ID", help=_("The provider, as the connector calls it."))
@click.option("--name", metavar="NAME", help=_("The connector's name in FILE. [default: primary]"))
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help=_("A setting of the connector: auth.user=ada. Repeat it for more."),
)
@click.option("--secrets", metavar="WHERE", help=_("Where secrets are kept; see below."))
@click.option(
    "--templates", metavar="TAGS", help=_("Ready-made templates in these languages: en,zh-CN.")
)
@click.option("--test-to", metavar="ADDRESS", help=_("Send a test email to this address."))
@click.option("--yes", is_flag=True, help=_("Ask nothing; accept the defaults."))
def command(file: str, **given: Any) -> None:
    """Ask for settings, write them, and send a test email.

    FILE is passpost.jsonc by default. If it exists, only settings with a new answer change, and its
    comments and order are kept.
    """
    if file == STDIN or is_content(file) or not file:
        raise click.UsageError(_("FILE is the name of the file to write"))
    assignments = dict(split_assignment(text) for text in given.pop("assignments"))
    # Slow to import, and of no use for `--help`.
    from passpost_cli.commands.schema import whole  # noqa: PLC0415
    from passpost_cli.commands.send import send_test  # noqa: PLC0415
    from passpost_cli.init.interview import Given  # noqa: PLC0415
    from passpost_cli.init.steps import Setup  # noqa: PLC0415

    test_to, yes = given.pop("test_to"), given.pop("yes")
    setup = Setup(
        Path(os.fspath(file)),
        named(file),
        language(),
        defaults=yes,
        describe=whole,
        send=send_test,
    )
    setup.run(Given(assignments=assignments, **given), test_to)
