"""The language in which a command speaks to its reader: that of ``--lang`` or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from passpost.phrases import Phrases, translated
from passpost_cli import completing

_: Final = Phrases("passpost_cli")
"""Makes the phrases of the command line."""

# The variables that name the language of messages, in order of preference (POSIX).
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
_CHOSEN: Final = "passpost.language"
_OPTION: Final = "--lang"
_ABOUT: Final = _(
    "The language: en, zh-CN, … [default: the language of LC_ALL, LC_MESSAGES or LANG]"
)


def language() -> str:
    """Return the reader's language as a BCP 47 tag."""
    return _chosen() or _of_environment()


def choose_language(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Store the value of ``--lang``."""
    del param
    if value is not None:
        ctx.meta[_CHOSEN] = value
    return value


def choose_from(arguments: Sequence[str], ctx: click.Context) -> None:
    """Store the value of ``--lang`` of a command line that click could not parse."""
    for index, argument in enumerate(arguments):
        if argument == _OPTION and index + 1 < len(arguments):
            ctx.meta[_CHOSEN] = arguments[index + 1]
        elif argument.startswith(f"{_OPTION}="):
            ctx.meta[_CHOSEN] = argument.removeprefix(f"{_OPTION}=")


def say(text: str) -> str:
    """Return a phrase in the reader's language, and any other text as it is."""
    said: str = translated(text, language())
    return said


def for_programs(document: Any) -> Any:
    """Return JSON data for a program: in English, unless the command line names a language."""
    if (chosen := _chosen()) is None:
        return document
    return _translated(document, chosen)


def _translated(value: Any, chosen: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _translated(item, chosen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_translated(item, chosen) for item in value]
    return translated(value, chosen)


def _chosen() -> str | None:
    ctx = click.get_current_context(silent=True)
    chosen: str | None = ctx.meta.get(_CHOSEN) if ctx is not None else None
    return chosen


def _of_environment() -> str:
    """Return the language of the environment: ``zh_CN.UTF-8`` is ``zh-CN``."""
    value = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    return value.partition(".")[0].partition("@")[0].replace("_", "-") or "en"


option: Final = click.option(
    _OPTION,
    metavar="TAG",
    shell_complete=completing.languages,
    is_eager=True,
    callback=choose_language,
    help=_ABOUT,
)
"""For a command that has to know whether a language was named; others have `SILENT_OPTION`."""

SILENT_OPTION: Final = click.Option(
    [_OPTION],
    metavar="TAG",
    shell_complete=completing.languages,
    is_eager=True,
    expose_value=False,
    callback=choose_language,
    help=_ABOUT,
)
