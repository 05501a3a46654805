"""Reads guides, and picks the language of a text for its reader."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import passpost
from passpost._plugins.defects import describe_defect
from passpost._text import quoted
from passpost_cli.language import _, language
from passpost_cli.language import option as language_option

__all__ = ["choose", "guide_of", "guide_of_package", "language", "language_option", "packages"]

_PREFIX: Final = "passpost_"


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


def packages() -> Iterator[str]:
    """Return the names of the installed packages without ``passpost-``; imports none of them."""
    for module in pkgutil.iter_modules():
        if module.ispkg and module.name.startswith(_PREFIX):
            yield module.name.removeprefix(_PREFIX).replace("_", "-")


def guide_of_package(name: str, language: str) -> str:
    """Return the guide of a package without a connector; empty if it has none.

    The package is not imported: some bring a framework along, which has to be set up first.

    Args:
        name: The package's name without ``passpost-``.
        language: ``en`` or ``zh-CN``.
    """
    module = _PREFIX + name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    file = "README.md" if language == "en" else f"README.{language}.md"
    for folder in (spec and spec.submodule_search_locations) or ():
        # In an editable installation the guide is beside src/.
        for place in (Path(folder), Path(folder).parents[1]):
            if (place / file).is_file():
                return (place / file).read_text("utf-8")
    return ""
