"""The development inbox: its list, one email, the settings that lead to it, and its faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import attrs
from starlette.responses import HTMLResponse, Response

from passpost_console.inbox.caveats import caveats
from passpost_console.inbox.faults import MOST_SECONDS, Fault, Kind
from passpost_console.inbox.reading import read
from passpost_console.inbox.store import Wanted
from passpost_console.pages import failures
from passpost_console.pages.frame import HEADERS, framed
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from passpost_console.inbox.emails import Email
    from passpost_console.inbox.service import Inbox

LIST: Final = "/inbox"
SETTINGS: Final = "/inbox/settings"

KINDS: Final = {
    Kind.REJECT: _("reject the recipient"),
    Kind.LATER: _("ask to try again later"),
    Kind.DELAY: _("delay the reply"),
    Kind.DROP: _("break the connection off"),
}
"""What each fault does."""

_A_PAGE: Final = 50
_MOST_SHOWN: Final = 512 << 10
_LONGEST_QUERY: Final = 200
_VIEWS: Final = ("html", "text", "source", "headers", "caveats")


def inbox_pages(inbox: Inbox) -> tuple[Page, ...]:
    """Return the pages of an inbox."""
    return (
        Page(LIST, partial(_list, inbox), title=_("Inbox")),
        Page("/inbox/news", partial(_news, inbox)),
        Page(SETTINGS, partial(_settings, inbox), title=_("Inbox: settings")),
        Page("/inbox/delete", partial(_delete, inbox), posts=True),
        Page("/inbox/fault", partial(_fault, inbox), posts=True),
        Page("/inbox/emails/{id:int}", partial(_email, inbox)),
        Page("/inbox/emails/{id:int}/html", partial(_frame, inbox)),
        Page("/inbox/emails/{id:int}/raw", partial(_raw, inbox)),
    )


def start(visit: Visit) -> Response:
    """Lead from the address of a site that is an inbox alone to its list."""
    return visit.go(LIST)


def _list(inbox: Inbox, visit: Visit) -> Response:
    return visit.show("inbox.html", **_rows(inbox, visit), kinds=KINDS, fault=inbox.faults.current)


def _news(inbox: Inbox, visit: Visit) -> Response:
    """Answer with the list alone, if it changed since the page has it."""
    if visit.query.get("known") == str(inbox.emails.version):
        return Response(status_code=204)
    return visit.show("inbox_list.html", **_rows(inbox, visit))


def _rows(inbox: Inbox, visit: Visit) -> dict[str, Any]:
    words = visit.query.get("q", "")[:_LONGEST_QUERY]
    before = visit.query.get("before", "")
    wanted = Wanted(words=words, before=int(before) if _is_id(before) else None)
    # Read first: a change while the list is made is one that the page does not have.
    version = inbox.emails.version
    found = inbox.emails.find(wanted, _A_PAGE + 1)
    return {
        "version": version,
        "emails": [_row(one) for one in found[:_A_PAGE]],
        "older": found[_A_PAGE - 1].id if len(found) > _A_PAGE else None,
        "words": words,
        "before": before,
        "total": len(inbox.emails),
        "dropped": inbox.emails.dropped,
        "most": inbox.emails.most,
        "offers": inbox.offers,
        "query": urlencode({"q": words, "before": before}),
    }


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < len(str(2**53))


def _row(email: Email) -> dict[str, Any]:
    return {
        "id": email.id,
        "sender": email.shown_sender,
        "to": ", ".join(email.recipients),
        "subject": email.subject,
        "via": email.via,
        "time": _time(email.at),
        "iso": datetime.fromtimestamp(email.at, UTC).isoformat(timespec="seconds"),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _email(inbox: Inbox, visit: Visit) -> Response:
    email = inbox.emails.get(visit.arguments["id"])
    if email is None:
        return failures.failed(visit, 404)
    reading = read(email.source)
    default = "html" if reading.html is not None else "text"
    view = visit.query.get("view", default)
    found = list(caveats(reading))
    return visit.show(
        "email.html",
        email=_row(email),
        reading=reading,
        code=reading.code,
        links=reading.links,
        caveats=found,
        view=view if view in _VIEWS else default,
        text=_shown(reading.text) if view == "text" and reading.text is not None else None,
        source=_shown(email.source.decode("utf-8", "replace")) if view == "source" else "",
        cut=len(reading.text or "" if view == "text" else email.source) > _MOST_SHOWN,
        here=f"/inbox/emails/{email.id}",
    )


def _shown(text: str) -> str:
    return text[:_MOST_SHOWN].replace("\r\n", "\n").replace("\0", "\ufffd")


def _frame(inbox: Inbox, visit: Visit) -> Response:
    email = inbox.emails.get(visit.arguments["id"])
    html = read(email.source).html if email is not None else None
    if html is None:
        return failures.failed(visit, 404)
    return HTMLResponse(framed(html), headers=HEADERS)


def _raw(inbox: Inbox, visit: Visit) -> Response:
    email = inbox.emails.get(visit.arguments["id"])
    if email is None:
        return failures.failed(visit, 404)
    name = f'attachment; filename="email-{email.id}.eml"'
    return Response(
        email.source, media_type="message/rfc822", headers={"content-disposition": name}
    )


def _delete(inbox: Inbox, visit: Visit) -> Response:
    if not visit.is_change:
        return visit.go(LIST)
    number = visit.form.get("id", "")
    if _is_id(number):
        inbox.emails.delete(int(number))
    elif number == "all":
        inbox.emails.clear(Wanted(words=visit.form.get("q", "")))
    return visit.go(LIST)


def _fault(inbox: Inbox, visit: Visit) -> Response:
    if visit.is_change:
        try:
            inbox.faults.switch(_chosen(visit))
        except ValueError:
            return failures.failed(visit, 400)
    return visit.go(LIST)


def _chosen(visit: Visit) -> Fault | None:
    """Return the fault that a form asks for; None if it switches faults off.

    Raises:
        ValueError: There is no such fault. Browsers do not send a form like this.
    """
    kind, times, seconds, to = (
        visit.form.get(name, "").strip() for name in ("kind", "times", "seconds", "to")
    )
    if not kind:
        return None
    fault = Fault(Kind(kind), int(times) if times else None, to=to)
    if seconds:
        fault = attrs.evolve(fault, seconds=float(seconds))
    if not 0 <= fault.seconds <= MOST_SECONDS or (fault.times is not None and fault.times < 1):
        raise ValueError(kind)
    return fault


def _settings(inbox: Inbox, visit: Visit) -> Response:
    shown = [(one.connector, pasted(one.connector, one.settings)) for one in inbox.offers]
    return visit.show("inbox_settings.html", offers=shown)


def pasted(connector: str, settings: Any) -> str:
    """Return an entry of ``connectors`` to paste into a settings file."""
    entry = {"use": connector, "settings": dict(settings)}
    return f'"inbox": {json.dumps(entry, indent=2, ensure_ascii=False)}'
