"""The way in for a browser: the launch link, and signing in with a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost_console.pages import failures
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.gate import Gate


def entering(gate: Gate) -> tuple[Page, ...]:
    """Return the pages that let browsers in."""
    launch = Page("/enter", lambda visit: _launch(visit, gate))
    if not gate.takes_secrets:
        return (launch,)
    return (launch, Page("/sign-in", lambda visit: _sign_in(visit, gate), posts=True))


def _launch(visit: Visit, gate: Gate) -> Response:
    request = visit.request
    # What a browser fetches in advance must not use the token up.
    ahead = "prefetch" in request.headers.get("sec-purpose", "")
    if request.method != "GET" or ahead or not gate.enter(visit.query.get("token", "")):
        return failures.closed(visit, gate)
    return _admitted(visit, gate)


def _sign_in(visit: Visit, gate: Gate) -> Response:
    if not visit.is_change:
        return visit.show("sign_in.html", problem=None)
    if not gate.knows(visit.form.get("secret", "")):
        return visit.show("sign_in.html", 403, problem=_("This is not the secret."))
    return _admitted(visit, gate)


def _admitted(visit: Visit, gate: Gate) -> Response:
    response = visit.go("/")
    gate.admit(response, visit.url("/"), secure=visit.request.url.scheme == "https")
    return response
