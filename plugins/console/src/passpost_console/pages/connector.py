"""One connector: its guide, and the form of its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

import passpost
from passpost_cli.guides import choose, guide_of
from passpost_console.changes import Proposal, by_input, propose
from passpost_console.forms import Edited, Form, Input, edited, leaves, masked_data
from passpost_console.hiding import secret_paths
from passpost_console.markdown import rendered
from passpost_console.pages import failures, trial
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_tools.editing import rewrite
from passpost_tools.setup.questions import with_value
from passpost_tools.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from passpost_console.workspace import Document, Entry
    from passpost_tools.descriptions import FormField

CHANGED: Final = _(
    "the file changed since this page was shown: look at what you typed, and send it again"
)

_NOT_OF_A_PRESET: Final = "templates"


def answer(visit: Visit) -> Response:
    """Show a connector, or what the form changes."""
    document = visit.workspace.read()
    entry = document.entry(visit.arguments["name"])
    if entry is None:
        return failures.failed(visit, 404)
    return _changed(visit, document, entry) if visit.is_change else _shown(visit, document, entry)


def _shown(visit: Visit, document: Document, entry: Entry) -> Response:
    settings = _with_preset(entry, visit.query.get("preset", ""))
    form = Form(
        masked(entry, settings), problems=by_input(document.problems, entry.name), prefix=entry.name
    )
    return show(visit, document, entry, form.inputs(entry.fields(visit.language)))


def _changed(visit: Visit, document: Document, entry: Entry) -> Response:
    fields = entry.fields(visit.language)
    inputs = Form(masked(entry, entry.settings), visit.form, prefix=entry.name).inputs(fields)
    # The button beside a choice of variants: show the inputs of another one.
    if "show" in visit.form:
        return show(visit, document, entry, inputs)
    if visit.form.get("version") != document.loaded.version:
        problem = passpost.Problem("", CHANGED)
        return show(visit, document, entry, inputs, status=409, others=[problem])
    asked = edited(inputs, entry.settings, visit.form)
    proposal = proposed(visit, document, entry, asked)
    if proposal.problems:
        return _wrong(visit, document, entry, proposal)
    if "test" in visit.form:
        return trial.offer(visit, proposal, f"/connectors/{entry.name}", entry.name)
    return review(visit, proposal, f"/connectors/{entry.name}")


def proposed(visit: Visit, document: Document, entry: Entry, asked: Edited) -> Proposal:
    """Return the proposal to change a connector's settings."""
    place = ("connectors", entry.name, "settings")
    wanted = with_value(document.data, place, asked.settings) if asked.settings else document.data
    text = rewrite(document.loaded.text, wanted)
    return propose(visit.workspace, document, text, {(*place, *path) for path in asked.typed})


def _wrong(visit: Visit, document: Document, entry: Entry, proposal: Proposal) -> Response:
    problems = by_input(proposal.problems, entry.name)
    form = Form(masked(entry, entry.settings), visit.form, problems, entry.name)
    inputs = form.inputs(entry.fields(visit.language))
    placed = {one.name for one in leaves(inputs)}
    others = [one for key, ones in problems.items() if key not in placed for one in ones]
    own = [one for ones in problems.values() for one in ones]
    others += [one for one in proposal.problems if one not in own]
    return show(visit, document, entry, inputs, status=422, others=others, wrong=len(own))


def show(  # noqa: PLR0913 - each is one fact of the page; most have defaults
    visit: Visit,
    document: Document,
    entry: Entry,
    inputs: Sequence[Input],
    *,
    status: int = 200,
    others: Sequence[passpost.Problem] = (),
    wrong: int = 0,
) -> Response:
    """Answer with the page of a connector."""
    return visit.show(
        "connector.html",
        status,
        **about(visit, entry),
        document=document,
        version=document.loaded.version,
        first=[one for one in inputs if one.comes_first],
        more=[one for one in inputs if not one.comes_first],
        others=others,
        wrong=wrong,
        templates=_count(entry.settings.get("templates")),
        preset=visit.query.get("preset", ""),
    )


def about(visit: Visit, entry: Entry) -> dict[str, Any]:
    """Return what both tabs of a connector show."""
    info = entry.info
    return {
        "entry": entry,
        "here": f"/connectors/{entry.name}",
        "title": in_language(info.name, visit.language) if info else entry.use,
        "about": in_language(info.description, visit.language) if info else "",
        "presets": presets(info, visit.language),
        "guide": guide(info, visit.language),
    }


def presets(info: passpost.ConnectorInfo | None, language: str) -> list[tuple[str, str]]:
    """Return the presets of a connector: ID and name."""
    found = info.presets if info is not None else ()
    return [(one.id, in_language(one.name, language)) for one in found]


def guide(info: passpost.ConnectorInfo | None, language: str) -> Markup:
    """Return the guide of a connector as HTML; empty if it has none."""
    try:
        texts = guide_of(info) if info is not None else {}
    except passpost.PluginError:
        texts = {}
    tag = choose(texts, language) or choose(texts, "en") or next(iter(texts), None)
    return rendered(texts[tag]) if tag is not None else Markup()


def masked(entry: Entry, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a connector's settings without their secrets."""
    data = {"connectors": {entry.name: {"settings": dict(settings)}}}
    fields: dict[str, Sequence[FormField]] = {entry.name: entry.fields("en")}
    paths = [path[3:] for path in secret_paths(data, fields)]
    return masked_data(settings, paths)


def _with_preset(entry: Entry, name: str) -> dict[str, Any]:
    found = entry.info.presets if entry.info is not None else ()
    preset = next((one for one in found if one.id == name), None)
    if preset is None:
        return entry.settings
    own = {key: value for key, value in preset.settings.items() if key != _NOT_OF_A_PRESET}
    return {**entry.settings, **own}


def _count(templates: Any) -> int:
    return len(templates) if isinstance(templates, list) else 0


PAGE: Final = Page("/connectors/{name:path}", answer, posts=True)
