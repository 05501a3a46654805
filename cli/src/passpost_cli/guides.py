"""Reads guides, and picks the language of a text for its reader."""

from __future__ import annotations

from collections.abc import Iterable

import passpost
from passpost._plugins.defects import describe_defect
from passpost._text import quoted
from passpost_cli.language import _, language
from passpost_cli.language import option as language_option

__all__ = ["choose", "guide_of", "language", "language_option"]


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
        fault = _("it is not text")
    raise passpost.PluginError(
        _(
            "the guide of the connector {connector} cannot be read: {fault}",
            connector=quoted(info.id),
            fault=fault,
        ),
        connector=info.id,
    )
