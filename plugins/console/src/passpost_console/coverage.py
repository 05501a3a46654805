"""Which usages have a template in which language, and where the holes are."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from passpost_console.workspace import Document

FLOWS: Final = ("Register", "SignIn", "ForgotPassword", "Generic")
"""The usages of the flows; each of them needs a template."""

_GENERIC: Final = "Generic"
_OLD: Final = {"Test": _GENERIC}


class Served(StrEnum):
    """How a usage is served in a language."""

    OWN = "own"
    """It has a template of its own in this language."""
    SHARED = "shared"
    """A template without a language serves it."""
    GENERIC = "generic"
    """The template for ``Generic`` serves it."""
    MISSING = "missing"
    """Nothing serves it: the email is rejected."""


@attrs.frozen
class Cell:
    """A usage in a language.

    Attributes:
        served: How it is served, by the connector that serves it worst.
        without: The names of the connectors that have nothing for it.
    """

    served: Served
    without: tuple[str, ...] = ()


@attrs.frozen
class Coverage:
    """The matrix of usages and languages.

    Attributes:
        languages: Its columns; the last one, empty, is any other language.
        rows: The cells of each usage.
    """

    languages: tuple[str, ...]
    rows: dict[str, tuple[Cell, ...]]

    @property
    def holes(self) -> int:
        """How many cells nothing serves."""
        return sum(cell.served is Served.MISSING for row in self.rows.values() for cell in row)


_Have = frozenset[tuple[str, str]]


def coverage(document: Document) -> Coverage:
    """Return which templates an application has, as its settings are written."""
    common = _templates(document.data.get("templates"))
    each = {
        one.name: common | _templates(one.settings.get("templates"))
        for one in document.entries
        if not one.has_templates_at_provider
    }
    have: _Have = frozenset().union(common, *each.values())
    used = [usage for usage, _ in sorted(have) if usage not in FLOWS]
    usages = (*FLOWS, *dict.fromkeys(used))
    languages = (*sorted({language for _, language in have if language}, key=str.lower), "")
    if not each:
        return Coverage(languages, {})
    # Most connectors have the same templates: those of the application.
    sources: dict[_Have, tuple[str, ...]] = {}
    for name, own in each.items():
        lower = frozenset((usage, locale.lower()) for usage, locale in own)
        sources[lower] = (*sources.get(lower, ()), name)
    rows = {usage: tuple(_cell(usage, one, sources) for one in languages) for usage in usages}
    return Coverage(languages, rows)


def _templates(written: Any) -> _Have:
    return frozenset(_read(written if isinstance(written, list) else []))


def _read(written: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for one in written:
        usage = one.get("usageType") if isinstance(one, dict) else None
        locale = one.get("locale") if isinstance(one, dict) else None
        if isinstance(usage, str):
            yield _OLD.get(usage, usage), locale if isinstance(locale, str) else ""


def _cell(usage: str, language: str, sources: dict[_Have, tuple[str, ...]]) -> Cell:
    order = list(Served)
    found = {names: _served(usage, language.lower(), have) for have, names in sources.items()}
    worst = max(found.values(), key=order.index)
    without = (names for names, served in found.items() if served is Served.MISSING)
    return Cell(worst, tuple(name for names in without for name in names))


def _served(usage: str, language: str, have: _Have) -> Served:
    for name, kind in ((usage, Served.OWN), (_GENERIC, Served.GENERIC)):
        if language and _by_locale(name, language, have):
            return kind
        if (name, "") in have:
            return kind if kind is Served.GENERIC or not language else Served.SHARED
    return Served.MISSING


def _by_locale(usage: str, tag: str, have: _Have) -> bool:
    while tag:
        if (usage, tag) in have:
            return True
        tag = tag.rpartition("-")[0]
    return False
