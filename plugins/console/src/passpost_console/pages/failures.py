"""The pages of requests that come to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from passpost_console.phrases import _

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.gate import Gate
    from passpost_console.security import Rejected
    from passpost_console.visit import Visit

_REASONS: Final = {
    400: _("The form could not be read."),
    404: _("There is no such page."),
    405: _("This page does not accept this method."),
    413: _("The request is too large."),
}
_DEFECT: Final = _("Something went wrong in the console itself. The settings file was not changed.")


def rejected(visit: Visit, reason: Rejected) -> Response:
    """Answer a request that did not come from a page of this console."""
    return visit.show("failure.html", reason.status, reason=reason.reason, entry=None)


def failed(visit: Visit, status: int) -> Response:
    """Answer a request that cannot be answered."""
    reason = _REASONS.get(status, _DEFECT)
    return visit.show("failure.html", status, reason=reason, entry=None, inside=True)


def closed(visit: Visit, gate: Gate | None) -> Response:
    """Answer a browser that may not enter."""
    if gate is None:
        reason, entry = _("You may not use this console."), None
    elif gate.takes_secrets:
        return visit.go("/sign-in")
    else:
        reason = _("Open the link that `passpost console` printed. It works once.")
        # A cookie that was set on the way from another site comes with the next click only.
        entry = visit.url("/")
    return visit.show("failure.html", 403, reason=reason, entry=entry)
