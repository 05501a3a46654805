"""``passpost guide``: how to set a connector up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import click

import passpost
from passpost._text import quoted
from passpost.phrases import said
from passpost_cli import completing, guides
from passpost_cli.command import Command
from passpost_cli.display import show_markdown
from passpost_cli.extensions import make_host
from passpost_cli.failures import CommandError
from passpost_cli.language import _, language, option
from passpost_cli.terminal import complain, one_line, out
from passpost_tools.texts import in_language

_OTHER_GUIDE: Final = re.compile(r"\[[^\]\n]*\]\(README(?:\.([A-Za-z-]+))?\.md\)")


@click.command(cls=Command)
@click.argument("connector", metavar="[ID]", required=False, shell_complete=completing.connectors)
@option
def command(connector: str | None, lang: str | None) -> None:
    """Show how to set up a connector; without ID, list the guides.

    On a terminal the guide is formatted and shown by the pager that PAGER names. In a pipe or a
    file it is plain Markdown.
    """
    if connector is None:
        _list(language())
        return
    guide = guides.guide_of(make_host().info(connector))
    if not guide:
        raise CommandError(_("the connector {connector} has no guide", connector=quoted(connector)))
    tag = guides.choose(guide, language())
    if tag is None and lang is not None:
        complain(
            "passpost",
            _("the guide is not available in this language"),
            _("use --lang with one of: {names}", names=sorted(guide)),
            warning=True,
        )
    show_markdown(_reachable(guide[tag or guides.choose(guide, "en") or min(guide)], connector))


def _list(language: str) -> None:
    """List the connectors that have a guide, and how to read it."""
    found = dict(_guides(make_host(), language))
    width = max(map(len, found), default=0) + 2
    for connector, what in found.items():
        out(f"{connector:<{width}}{what}")
    if found:
        out()
        out(_("Show one with: passpost guide ID [--lang TAG]"))
    else:
        out(_("no connector with a guide is installed; for example: pip install passpost-smtp"))


def _guides(host: passpost.Host, language: str) -> Iterator[tuple[str, str]]:
    for installed in host.installed():
        try:
            info = host.info(installed.id)
            guide = guides.guide_of(info)
        except passpost.PluginError as error:
            complain("passpost", said(error), warning=True)
            continue
        if guide:
            name = in_language(info.name, language)
            yield one_line(info.id), f"{one_line(name)} ({', '.join(sorted(guide))})"


def _reachable(guide: str, connector: str) -> str:
    """Replace links to the guide's other languages, which are dead here, with commands."""

    def written(match: re.Match[str]) -> str:
        return f"`passpost guide {connector} --lang {match[1] or 'en'}`"

    return _OTHER_GUIDE.sub(written, guide)
