"""The way in for a browser, by the launch link or a secret, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost_console.gate import TooManyGuesses
from passpost_console.pages import failures, language
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.gate import Gate


def entering(gate: Gate) -> tuple[Page, ...]:
    """Return the pages for browsers that are not in: the ways in and out, and their language."""
    ways = (
        Page("/enter", lambda visit: _launch(visit, gate)),
        Page("/sign-out", lambda visit: _sign_out(visit, gate), posts=True),
        language.PAGE,
    )
    if not gate.takes_secrets:
        return ways
    return (*ways, Page("/sign-in", lambda visit: _sign_in(visit, gate), posts=True))


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
    client = visit.request.client
    try:
        known = gate.knows(visit.form.get("secret", ""), client.host if client else "")
    except TooManyGuesses as error:
        problem = _("Too many wrong secrets. Try again in {n} seconds.", n=error.wait)
        response = visit.show("sign_in.html", 429, problem=problem)
        response.headers["retry-after"] = str(error.wait)
        return response
    if not known:
        return visit.show("sign_in.html", 403, problem=_("This is not the secret."))
    return _admitted(visit, gate)


def _sign_out(visit: Visit, gate: Gate) -> Response:
    if not visit.is_change:
        return visit.go("/")
    response = (
        visit.go("/sign-in") if gate.takes_secrets else visit.show("signed_out.html", entered=False)
    )
    gate.dismiss(visit.request, response, visit.url("/"))
    return response


def _admitted(visit: Visit, gate: Gate) -> Response:
    response = visit.go("/")
    gate.admit(response, visit.url("/"), secure=visit.request.url.scheme == "https")
    return response
