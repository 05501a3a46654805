"""What shells complete the arguments of commands with; nothing is imported for it from plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    del ctx, param
    return [CompletionItem(incomplete, type="file")]


def connectors(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the IDs of the installed connectors, from metadata."""
    del ctx, param
    from passpost._plugins.discovery import entry_points  # noqa: PLC0415 - only this asks for it
    from passpost.hookspecs import CONNECTOR_GROUP  # noqa: PLC0415 - likewise

    return _beginning(incomplete, (entry.name for entry in entry_points(CONNECTOR_GROUP)))


def usages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the usages that passpost knows."""
    del ctx, param
    from passpost._messages.usages import KNOWN_USAGES  # noqa: PLC0415 - likewise

    return _beginning(incomplete, KNOWN_USAGES)


def languages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the languages of passpost's own texts."""
    del ctx, param
    from passpost._connector_info import LANGUAGES  # noqa: PLC0415 - likewise

    return _beginning(incomplete, LANGUAGES)


def _beginning(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in sorted(set(words)) if word.startswith(incomplete)]
