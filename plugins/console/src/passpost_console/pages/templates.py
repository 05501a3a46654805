"""All templates: a usage is a row, a language is a column, and what is missing can be added."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost_templates
from passpost._messages.locales import LanguageTag
from passpost._messages.usages import KNOWN_USAGES, canonical_usage
from passpost.config import Invalid
from passpost_console.changes import Proposal, propose
from passpost_console.coverage import FLOWS
from passpost_console.library import LIST, Library, Written, libraries, library
from passpost_console.pages.connector import CHANGED
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_tools.editing import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response

    from passpost_console.workspace import Document

HERE: Final = "/templates"


@attrs.frozen
class Row:
    """The templates of a usage.

    Attributes:
        usage: The usage.
        cells: For each language, the templates that have it; the first one counts.
    """

    usage: str
    cells: tuple[tuple[str, tuple[Written, ...]], ...]


def answer(visit: Visit) -> Response:
    """Show all templates, or what adding a language changes."""
    document = visit.workspace.read()
    if not visit.is_change:
        return show(visit, document)
    if visit.form.get("version") != document.loaded.version:
        return show(visit, document, CHANGED, 409)
    chosen = library(document, visit.form.get("owner", ""))
    if chosen is None or not document.readable:
        return show(visit, document, _("correct the settings file first: it cannot be read"), 422)
    return _add_language(visit, document, chosen)


def _add_language(visit: Visit, document: Document, chosen: Library) -> Response:
    try:
        tag = str(LanguageTag.from_setting(visit.form.get("locale", "").strip(" ")))
    except Invalid as error:
        return show(visit, document, error.message, 422)
    new = list(_missing_in(chosen, tag))
    if not new:
        return show(visit, document, _("every usage has a template in `{tag}`", tag=tag), 422)
    return offer(visit, proposed(visit, document, chosen, [*(chosen.items or ()), *new]), HERE)


def _missing_in(chosen: Library, tag: str) -> Iterator[dict[str, Any]]:
    """Yield a template for each usage that has none in a language.

    The text is ready-made where there is one, else that of another language, to be translated.
    """
    have: dict[str, Written] = {}
    there: set[str] = set()
    for one in chosen.templates():
        usage = canonical_usage(one.usage)
        if usage not in have or not one.locale:
            have[usage] = one
        if one.locale.lower() == tag.lower():
            there.add(usage)
    for usage in have or FLOWS:
        if usage in there:
            continue
        ready = ready_made(usage, pack_for(tag))
        if ready is not None:
            yield {"usageType": usage, "locale": tag, **ready}
        elif usage in have:
            values = {k: v for k, v in have[usage].values.items() if k != "locale"}
            yield {"usageType": usage, "locale": tag, **values}


@cache
def packs() -> tuple[str, ...]:
    """Return the languages of ready-made templates: looking for packages takes long."""
    return passpost_templates.languages()


def pack_for(tag: str) -> str:
    """Return the language of ready-made templates that serves a tag; empty if none does."""
    known = {one.lower(): one for one in packs()}
    lower = tag.lower()
    while lower:
        if lower in known:
            return known[lower]
        lower = lower.rpartition("-")[0]
    base = tag.partition("-")[0].lower()
    return next((one for name, one in known.items() if name.partition("-")[0] == base), "")


@lru_cache(maxsize=256)
def _made(usage: str, language: str) -> dict[str, Any] | None:
    try:
        (found,) = passpost_templates.templates(language, usages=[usage])
    except ValueError:
        return None
    return {key: value for key, value in found.items() if key not in {"usageType", "locale"}}


def ready_made(usage: Any, language: str) -> dict[str, Any] | None:
    """Return a ready-made template, without usage and language; None if there is none."""
    made = _made(usage, language) if isinstance(usage, str) and language in packs() else None
    return None if made is None else dict(made)


def proposed(visit: Visit, document: Document, chosen: Library, items: Iterable[Any]) -> Proposal:
    """Return the proposal to change a list of templates."""
    wanted = chosen.changed(document.data, list(items))
    return propose(visit.workspace, document, rewrite(document.loaded.text, wanted))


def offer(visit: Visit, proposal: Proposal, back: str) -> Response:
    """Show what a proposal changes, or why it may not be saved."""
    if proposal.problems:
        return show(visit, proposal.before, problems=proposal.problems, status=422)
    return review(visit, proposal, back)


def show(
    visit: Visit, document: Document, problem: str = "", status: int = 200, problems: Any = ()
) -> Response:
    """Answer with the page of all templates."""
    found = libraries(document)
    return visit.show(
        "templates.html",
        status,
        document=document,
        version=document.loaded.version,
        problem=problem,
        problems=problems,
        tables=[_table(one) for one in found if one.items or not one.owner],
        owners=[one.owner for one in found],
        locale=visit.form.get("locale", ""),
        usages=KNOWN_USAGES,
        packs=packs(),
    )


def _table(chosen: Library) -> dict[str, Any]:
    cells: dict[str, dict[str, list[Written]]] = {usage: {} for usage in FLOWS}
    languages: dict[str, str] = {}
    for one in chosen.templates():
        languages.setdefault(one.locale.lower(), one.locale)
        row = cells.setdefault(canonical_usage(one.usage), {})
        row.setdefault(one.locale.lower(), []).append(one)
    # Any language comes last.
    tags = [*sorted(tag for tag in languages if tag), ""]
    rows = [
        Row(usage, tuple((languages.get(tag, ""), tuple(row.get(tag, ()))) for tag in tags))
        for usage, row in cells.items()
    ]
    items = chosen.items or ()
    return {
        "owner": chosen.owner,
        "languages": [languages.get(tag, "") for tag in tags],
        "rows": rows,
        "odd": sum(not isinstance(one, dict) for one in items),
        "path": ".".join(chosen.path[:-1]) or LIST,
    }


PAGE: Final = Page(HERE, answer, title=_("Templates"), posts=True)
