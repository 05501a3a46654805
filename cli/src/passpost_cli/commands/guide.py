"""``passpost guide``: how to set a connector up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final

import click

import passpost
from passpost._connector_info import in_language
from passpost_cli.command import Command
from passpost_cli.display import show_markdown
from passpost_cli.failures import Refusal
from passpost_cli.hosts import make_host
from passpost_cli.terminal import complain, one_line, out

# What says which language messages are in, the first one first (POSIX).
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_OTHER_GUIDE: Final = re.compile(r"\[[^\]\n]*\]\(README(?:\.([A-Za-z-]+))?\.md\)")


@click.command(cls=Command)
@click.argument("connector", metavar="[ID]", required=False)
@click.option(
    "--lang",
    metavar="TAG",
    help="The language: en, zh-CN, … [default: that of LC_ALL, LC_MESSAGES or LANG]",
)
def command(connector: str | None, lang: str | None) -> None:
    """Show how to set up a connector; without ID, list the guides.

    On a terminal the guide is laid out, and shown by the pager that PAGER names; into a pipe or a
    file it goes as plain Markdown.
    """
    if connector is None:
        _list()
        return
    guide = make_host().info(connector).guide
    if not guide:
        raise Refusal(f"the connector {connector!r} brings no guide")
    if lang is not None and not _speaks(guide, lang):
        known = ", ".join(sorted(guide))
        problem = "there is no guide in this language, so this is another"
        complain("passpost", problem, f"there is {known}", warning=True)
    show_markdown(_reachable(in_language(guide, lang or _language()), connector))


def _list() -> None:
    """List the connectors that have a guide, and how to read it."""
    guides = dict(_guides(make_host()))
    width = max(map(len, guides), default=0) + 2
    for connector, what in guides.items():
        out(f"{connector:<{width}}{what}")
    if guides:
        out("\nShow one with: passpost guide ID [--lang TAG]")
    else:
        out("no connector with a guide is installed: pip install passpost-smtp, for example")


def _guides(host: passpost.Host) -> Iterator[tuple[str, str]]:
    for installed in host.installed():
        try:
            info = host.info(installed.id)
        except passpost.PluginError as error:
            complain("passpost", str(error), warning=True)
            continue
        if info.guide:
            name = in_language(info.name, _language())
            yield one_line(info.id), f"{one_line(name)} ({', '.join(sorted(info.guide))})"


def _language() -> str:
    """Return the language of the environment as a BCP 47 tag: ``zh_CN.UTF-8`` is ``zh-CN``."""
    value = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return value.partition(".")[0].partition("@")[0].replace("_", "-") or "en"


def _reachable(guide: str, connector: str) -> str:
    """Replace links to the guide's other languages, which lead nowhere here, with commands."""

    def written(match: re.Match[str]) -> str:
        return f"`passpost guide {connector} --lang {match[1] or 'en'}`"

    return _OTHER_GUIDE.sub(written, guide)


def _speaks(guide: passpost._connector_info.Texts, lang: str) -> bool:
    # Any English serves who asks for one; which it is makes no difference to a guide.
    language = lang.partition("-")[0].lower()
    return any(tag.partition("-")[0].lower() == language for tag in guide)
