"""``passpost guide``: how to set a connector up."""

from __future__ import annotations

import click

import passpost
from passpost.cli.command import Command
from passpost.cli.display import show_markdown
from passpost.cli.failures import Refusal
from passpost.cli.hosts import make_host
from passpost.cli.terminal import complain
from passpost.connector import in_language


@click.command(cls=Command)
@click.argument("connector", metavar="ID")
@click.option("--lang", default="en", metavar="TAG", help="The language: en (default), zh-CN, …")
def command(connector: str, lang: str) -> None:
    """Show how to set up a connector.

    On a terminal the guide is laid out; into a pipe or a file it goes as plain Markdown.
    """
    guide = make_host().info(connector).guide
    if not guide:
        raise Refusal(f"the connector {connector!r} brings no guide")
    if not _speaks(guide, lang):
        known = ", ".join(sorted(guide))
        problem = "there is no guide in this language, so this is another"
        complain("passpost", problem, f"there is {known}", warning=True)
    show_markdown(in_language(guide, lang))


def _speaks(guide: passpost.connector.Texts, lang: str) -> bool:
    # Any English serves who asks for one; which it is makes no difference to a guide.
    language = lang.partition("-")[0].lower()
    return any(tag.partition("-")[0].lower() == language for tag in guide)
