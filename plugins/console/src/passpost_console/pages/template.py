"""One template: its texts, what is wrong with them, and what the email looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost._messages.usages import KNOWN_USAGES
from passpost_console import samples
from passpost_console.findings import Beside, Finding, find, marked, text_of
from passpost_console.forms import shown
from passpost_console.library import BODIES, KEYS, Library, Written, edited, library
from passpost_console.looking import look_at, payload_of
from passpost_console.pages import failures, trial
from passpost_console.pages.connector import CHANGED
from passpost_console.pages.saving import review
from passpost_console.pages.templates import HERE, offer, pack_for, packs, proposed, ready_made
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_console.workspace import config_path
from passpost_tools.editing import rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from passpost_console.changes import Proposal
    from passpost_console.workspace import Document

NEW: Final = "new"
WIDTHS: Final = (("phone", _("Phone")), ("tablet", _("Tablet")), ("desktop", _("Desktop")))
THEMES: Final = (("light", _("Light")), ("dark", _("Dark")))
VIEWS: Final = (("html", "HTML"), ("text", _("Text")), ("source", _("Source")))


@attrs.frozen(kw_only=True)
class Editing:
    """A template while somebody edits it.

    Attributes:
        document: The settings file.
        library: The list that it is in, or will be in.
        before: The template as it is; without values if it is new.
        values: The template as it shall be.
    """

    document: Document
    library: Library
    before: Written
    values: Mapping[str, Any]

    @property
    def is_new(self) -> bool:
        """Whether the list does not have it yet."""
        return self.before.number >= len(self.library.items or ())

    @property
    def path(self) -> str:
        """The path of its page."""
        number = NEW if self.is_new else self.before.number
        return f"/template/{number}" + (f"/{self.library.owner}" if self.library.owner else "")

    @property
    def items(self) -> list[Any]:
        """The list with the template as it shall be."""
        items = list(self.library.items or ())
        items[self.before.number : self.before.number + 1] = [dict(self.values)]
        return items

    @property
    def written(self) -> str:
        """The text of the template as it shall be, with its comments and those beside it."""
        if self.is_new:
            return text_of(self.values)
        spans = self.document.spans
        place: tuple[str | int, ...] = (*self.library.path, self.before.number)
        before, own, behind = spans.with_comments(place)
        return before + rewrite(own, self.values) + behind


def answer(visit: Visit) -> Response:
    """Show a template, or what the form does with it."""
    document = visit.workspace.read()
    editing = _editing(visit, document)
    if editing is None:
        return failures.failed(visit, 404)
    if not visit.is_change or "preview" in visit.form:
        return show(visit, editing)
    if visit.form.get("version") != document.loaded.version:
        return show(visit, editing, [passpost.Problem("", CHANGED)], 409)
    if "delete" in visit.form and not editing.is_new:
        items = list(editing.library.items or ())
        del items[editing.before.number]
        return offer(visit, proposed(visit, document, editing.library, items), HERE)
    return _changed(visit, editing)


def _changed(visit: Visit, editing: Editing) -> Response:
    proposal = proposed(visit, editing.document, editing.library, editing.items)
    if proposal.problems:
        return show(visit, editing, _others(editing, proposal), 422)
    back = HERE if editing.is_new else editing.path
    if "test" in visit.form:
        texts = {key: shown(editing.values.get(key)) for key in ("usageType", "locale")}
        owner, usage = editing.library.owner, texts["usageType"]
        return trial.offer(visit, proposal, back, owner, usage=usage, locale=texts["locale"])
    return review(visit, proposal, back)


def _editing(visit: Visit, document: Document) -> Editing | None:
    owner = visit.arguments["owner"]
    found = library(document, owner.removeprefix("/"))
    place = visit.arguments["number"]
    if found is None or (owner and not owner[1:]) or not document.readable or document.is_new:
        return None
    if place == NEW:
        before: Written | None = Written(found.owner, len(found.items or ()), {})
    else:
        before = found.template(int(place)) if place.isdecimal() and len(place) < 8 else None  # noqa: PLR2004 - digits
    if before is None:
        return None
    start = dict(before.values) if place != NEW else _first(visit)
    start.update(ready_made(start.get("usageType", ""), visit.query.get("from", "")) or {})
    values = edited(before.values, visit.form) if visit.is_change else start
    return Editing(document=document, library=found, before=before, values=values)


def _first(visit: Visit) -> dict[str, Any]:
    """Return a new template as it is offered: ready-made if there is one."""
    usage = visit.query.get("usage", "Generic")
    locale = visit.query.get("locale", "")
    named = {"usageType": usage, **({"locale": locale} if locale else {})}
    return {**named, **(ready_made(usage, pack_for(locale or visit.language)) or {})}


def _others(editing: Editing, proposal: Proposal) -> list[passpost.Problem]:
    """Return the problems that are not about the template: those are shown at its texts."""
    place = (*editing.library.path, editing.before.number)
    return [one for one in proposal.problems if config_path(one.path)[: len(place)] != place]


def show(
    visit: Visit,
    editing: Editing,
    others: Sequence[passpost.Problem] = (),
    status: int = 200,
) -> Response:
    """Answer with the page of a template."""
    values = editing.values
    lint = editing.document.data.get("lint")
    beside = Beside.of(editing.items, editing.before.number)
    kind, host = editing.library.content_type, visit.workspace.host
    found = find(editing.written, kind, lint, host, beside)
    given = visit.form.get("payload")
    text = samples.written(samples.sample(values)) if given is None else given
    payload, wrong = payload_of(text)
    look = look_at(values, payload, editing.library.content_type, _missing(editing))
    return visit.show(
        "template.html",
        status,
        **_choices(visit),
        editing=editing,
        version=editing.document.loaded.version,
        texts={key: shown(values.get(key)) for key in KEYS},
        findings=_by_key(found, values),
        others=others,
        payload=text,
        payload_problem=wrong,
        look=look,
        frame=visit.workspace.previews.add(look.html) if look.html is not None else None,
        usages=KNOWN_USAGES,
        packs=packs(),
        pack=visit.query.get("from", ""),
        type_by_default=editing.library.content_type,
    )


def _choices(visit: Visit) -> dict[str, Any]:
    return {
        "widths": WIDTHS,
        "themes": THEMES,
        "views": VIEWS,
        "width": visit.form.get("width", "phone"),
        "theme": visit.form.get("theme", "light"),
        "view": visit.form.get("view", "html"),
    }


def _missing(editing: Editing) -> str:
    return str(editing.document.data.get("missingVariables", "error"))


def _by_key(found: Sequence[Finding], values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the findings of each setting: those of a line, with the line, and the others."""
    made: dict[str, dict[str, Any]] = {}
    for key in ("", *KEYS):
        own = [one for one in found if one.key == key or (not key and one.key not in KEYS)]
        text = values.get(key)
        placed = [one for one in own if one.line is not None] if key in BODIES else []
        made[key] = {
            "whole": [one.problem for one in own if one not in placed],
            "marked": marked(text, placed) if isinstance(text, str) else [],
            "count": len(own),
            "errors": sum(one.problem.severity == "error" for one in own),
        }
    return made


PAGE: Final = Page("/template/{number:str}{owner:path}", answer, posts=True)
