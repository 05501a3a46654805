"""Adds a connector, the first one among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import passpost
from passpost.phrases import said
from passpost_console.changes import Proposal, propose
from passpost_console.pages.connector import presets
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_console.workspace import config_path
from passpost_tools.editing import rewrite
from passpost_tools.setup.questions import fields_of
from passpost_tools.setup.writing import new_text, with_entry
from passpost_tools.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response

    from passpost_console.workspace import Document

_KEY: Final = "connectors"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)


def answer(visit: Visit) -> Response:
    """Show which connectors there are, or what adding one changes."""
    document = visit.workspace.read()
    if not visit.is_change:
        return _show(visit, document)
    name, chosen = visit.form.get("name", "").strip(), visit.form.get("use", "")
    use, _colon, preset = chosen.partition(":")
    if (problem := _problem(document, name)) is not None:
        return _show(visit, document, problem)
    try:
        info = visit.workspace.host.info(use)
    except passpost.PluginError as error:
        return _show(visit, document, said(error))
    proposal = _proposed(visit, document, name, info, preset)
    others = (one for one in proposal.problems if config_path(one.path)[:2] != (_KEY, name))
    if (wrong := next(others, None)) is not None:
        return _show(visit, document, wrong.message)
    # What is left to fill in is said on the connector's own page.
    return review(visit, proposal, f"/connectors/{name}")


def _problem(document: Document, name: str) -> str | None:
    """Return why no connector of a name can be added; None if one can."""
    if _NAME.fullmatch(name) is None:
        return _("use letters, digits, dots and hyphens for the name")
    if document.entry(name) is not None:
        return _("a connector of this name exists already")
    if not document.readable or not isinstance(document.data.get(_KEY, {}), dict):
        return _("correct the settings file first: it cannot be read")
    return None


def _proposed(
    visit: Visit, document: Document, name: str, info: passpost.ConnectorInfo, preset: str
) -> Proposal:
    settings: dict[str, Any] = next(
        (dict(one.settings) for one in info.presets if one.id == preset), {}
    )
    entry = {"use": info.id, "settings": settings}
    fields = fields_of(info, visit.language)
    if document.is_new:
        text = new_text({"connectors": {name: entry}}, fields, visit.language)
    else:
        text = document.loaded.text
        if _KEY not in document.data:
            text = rewrite(text, {**document.data, _KEY: {}})
        text = with_entry(text, name, entry, fields)
    return propose(visit.workspace, document, text)


def _show(visit: Visit, document: Document, problem: str | None = None) -> Response:
    return visit.show(
        "add.html",
        422 if problem else 200,
        document=document,
        choices=list(_choices(visit)),
        name=visit.form.get("name", _free_name(document)),
        use=visit.form.get("use", ""),
        problem=problem,
    )


def _choices(visit: Visit) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each connector's name with its presets, the connector without any last."""
    for one in visit.workspace.host.installed():
        try:
            info = visit.workspace.host.info(one.id)
        except passpost.PluginError:
            continue
        name = in_language(info.name, visit.language)
        # A closed choice does not show the name of its group.
        own = [
            (f"{one.id}:{id_}", f"{name} · {preset}")
            for id_, preset in presets(info, visit.language)
        ]
        yield name, [*own, (f"{one.id}:", visit.say(_("{name}, without a preset", name=name)))]


def _free_name(document: Document) -> str:
    names = ("primary", "backup", *(f"backup-{number}" for number in range(2, 100)))
    return next((name for name in names if document.entry(name) is None), "")


PAGE: Final = Page("/add", answer, posts=True)
