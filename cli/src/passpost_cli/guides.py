"""Reads guides, and picks the language of a text for its reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click

import passpost
from passpost._plugins.defects import describe_defect
from passpost_cli import completing

F = TypeVar("F", bound=Callable[..., Any])

# The variables that name the language of messages, in order of preference (POSIX).
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")

language_option: Final = click.option(
    "--lang",
    metavar="TAG",
    shell_complete=completing.languages,
    help="The language: en, zh-CN, … [default: the language of LC_ALL, LC_MESSAGES or LANG]",
)


def language() -> str:
    """Return the language of the environment as a BCP 47 tag: ``zh_CN.UTF-8`` is ``zh-CN``."""
    value = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return value.partition(".")[0].partition("@")[0].replace("_", "-") or "en"


def choose(available: Iterable[str], wanted: str) -> str | None:
    """Return the tag that serves a reader of a language: the same tag, or the same language."""
    tags = {tag.lower(): tag for tag in sorted(available, reverse=True)}
    shorter = wanted.lower()
    while shorter:
        if shorter in tags:
            return tags[shorter]
        shorter = shorter.rpartition("-")[0]
    base = wanted.partition("-")[0].lower()
    return next((tag for lower, tag in tags.items() if lower.partition("-")[0] == base), None)


def guide_of(info: passpost.ConnectorInfo) -> dict[str, str]:
    """Return a connector's guide by language; empty if it has none.

    Raises:
        PluginError: The connector fails to return it.
    """
    try:
        texts = dict(info.guide)
    # A mapping of the connector's own may do anything; what it raises is that connector's fault.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        fault = describe_defect(error)
    else:
        if all(isinstance(text, str) for text in texts.values()):
            return texts
        fault = "it is not text"
    raise passpost.PluginError(
        f"the guide of the connector {info.id!r} cannot be read: {fault}", connector=info.id
    )
