"""The first page: the connectors in order, which can be changed, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import passpost
from passpost_console.arranging import CHANGES, NotArranged, arranged, routes_of
from passpost_console.changes import propose
from passpost_console.coverage import Served, coverage
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.times import shown
from passpost_console.visit import Page, Visit
from passpost_tools.setup.questions import is_unset
from passpost_tools.texts import in_language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from passpost_console.workspace import Document, Entry

_CHANGED: Final = _("the file changed since this page was shown: look at it, and choose again")

SERVED: Final = {
    Served.OWN: ("●", _("own template")),
    Served.SHARED: ("○", _("template for any language")),
    Served.GENERIC: ("◌", _("template for `Generic`")),
    Served.MISSING: ("✕", _("nothing: the email is rejected")),
}
"""The sign of each way to be served, and what it means."""


def answer(visit: Visit) -> Response:
    """Show the connectors and what is missing, or what another order changes."""
    document = visit.workspace.read()
    return _changed(visit, document) if visit.is_change else _show(visit, document)


def _changed(visit: Visit, document: Document) -> Response:
    if visit.form.get("version") != document.loaded.version:
        return _show(visit, document, [passpost.Problem("", _CHANGED)], 409)
    change = next((one for one in CHANGES if one in visit.form), "")
    try:
        text = arranged(document, visit.form.get("route", ""), visit.form.get(change, ""), change)
    except NotArranged as reason:
        return _show(visit, document, [passpost.Problem("", reason.reason)], 422)
    proposal = propose(visit.workspace, document, text)
    if proposal.problems:
        return _show(visit, document, proposal.problems, 422)
    return review(visit, proposal, "/")


def _show(
    visit: Visit,
    document: Document,
    others: Sequence[passpost.Problem] = (),
    status: int = 200,
) -> Response:
    return visit.show(
        "overview.html",
        status,
        others=others,
        routes=routes_of(document.data),
        document=document,
        connectors=[_connector(visit, document, one) for one in document.entries],
        coverage=coverage(document),
        served=SERVED,
        unset=[one for one in document.problems if is_unset(one)],
        problems=[one for one in document.problems if not is_unset(one)],
    )


def _connector(visit: Visit, document: Document, entry: Entry) -> dict[str, Any]:
    problems = document.problems_of(entry.name)
    errors = [one for one in problems if one.severity == "error" and not is_unset(one)]
    trial = visit.workspace.trial(entry)
    return {
        "name": entry.name,
        "use": entry.use,
        "title": in_language(entry.info.name, visit.language) if entry.info else entry.use,
        "about": in_language(entry.info.description, visit.language) if entry.info else "",
        "error": entry.error,
        "errors": len(errors),
        "warnings": sum(one.severity == "warning" for one in problems),
        "unset": any(is_unset(one) for one in problems),
        "trial": trial,
        "tested": shown(trial.at) if trial else "",
        "ready": entry.info is not None and not errors,
    }


PAGE: Final = Page("/", answer, title=_("Overview"), posts=True)
