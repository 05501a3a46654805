"""Shows what a change does, and saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from passpost_console.phrases import _
from passpost_console.remembered import Draft
from passpost_console.visit import Page, Visit
from passpost_tools.saving import ChangedMeanwhile

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.changes import Proposal


def review(visit: Visit, proposal: Proposal, back: str) -> Response:
    """Show what a proposal changes, and offer to save it.

    Args:
        visit: The visit.
        proposal: A proposal without problems.
        back: The path of the page to go back to.
    """
    draft = Draft(proposal.before.loaded, proposal.text, back)
    return visit.show(
        "review.html",
        lines=proposal.diff(),
        is_change=proposal.is_change,
        warnings=proposal.warnings,
        draft=visit.workspace.drafts.add(draft) if proposal.is_change else None,
        back=back,
    )


def answer(visit: Visit) -> Response:
    """Save a draft that somebody has looked at."""
    draft = visit.workspace.drafts.take(visit.form.get("draft", ""))
    if draft is None:
        reason = _("These changes are saved already, or too old. Nothing was changed.")
        return visit.show("failure.html", 409, reason=reason, entry=visit.url("/"))
    try:
        visit.workspace.save(draft)
    except ChangedMeanwhile:
        reason = _(
            "The file changed meanwhile. It was left as it is: look at it, and change again."
        )
    except OSError as error:
        reason = _(
            "The file could not be written, and was left as it is: {reason}.",
            reason=error.strerror or type(error).__name__,
        )
    else:
        # `saved.html` says so: of a new file there is no backup.
        return visit.go(draft.back, saved="1" if draft.before.exists else "new")
    return visit.show("failure.html", 409, reason=reason, entry=visit.url(draft.back))


PAGE: Final = Page("/save", answer, posts=True)
