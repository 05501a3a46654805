"""Sends a test email through one connector, with the settings as they are or as they shall be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost.phrases import said
from passpost_console import samples
from passpost_console.changes import Proposal
from passpost_console.coverage import FLOWS
from passpost_console.library import APPLICATION, library
from passpost_console.looking import payload_of
from passpost_console.pace import MOST
from passpost_console.pages.deliveries import WORDS
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.remembered import Draft
from passpost_console.sending import Outcome, send
from passpost_console.visit import Page, Visit
from passpost_console.workspace import config_path
from passpost_tools.editing import rewrite
from passpost_tools.saving import Loaded
from passpost_tools.setup.questions import is_unset, with_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.responses import Response

    from passpost_console.library import Written
    from passpost_console.workspace import Document

HERE: Final = "/test"


@attrs.frozen(kw_only=True)
class Asked:
    """What is asked for.

    Attributes:
        document: The settings to send with.
        connector: The connector's name.
        usage: The template.
        draft: The ID of settings that are not saved; empty for those of the file.
        locale: The recipient's language; empty for any.
    """

    document: Document
    connector: str
    usage: str
    draft: str = ""
    locale: str = ""


def answer(visit: Visit) -> Response:
    """Show what a test email would be, or send it."""
    given = visit.form if visit.is_change else visit.query
    asked = _asked(visit, given)
    if asked is None:
        reason = _("These settings are too old, or were saved meanwhile. Nothing was sent.")
        return visit.show("failure.html", 409, reason=reason, entry=visit.url(HERE))
    if "review" in given and asked.draft:
        return _review(visit, asked)
    return _sent(visit, asked) if visit.is_change else _show(visit, asked)


def offer(visit: Visit, proposal: Proposal, back: str, connector: str, **chosen: str) -> Response:
    """Show the page for a test of settings that are not saved.

    Args:
        visit: The visit.
        proposal: A proposal without problems.
        back: The path of the page to go back to after saving.
        connector: The connector; empty for the first one.
        chosen: The ``usage`` and ``locale`` of the template.
    """
    document = proposal.after
    draft = ""
    if proposal.is_change:
        draft = visit.workspace.drafts.add(Draft(proposal.before.loaded, proposal.text, back))
    name = connector or next((one.name for one in document.entries), "")
    usage = chosen.get("usage") or _first_usage(document, name)
    locale = chosen.get("locale", _first_locale(document, name, usage))
    asked = Asked(document=document, connector=name, draft=draft, usage=usage, locale=locale)
    return _show(visit, asked)


def _asked(visit: Visit, given: Mapping[str, str]) -> Asked | None:
    document, draft = visit.workspace.read(), given.get("draft", "")
    if draft:
        kept = visit.workspace.drafts.get(draft)
        if kept is None:
            return None
        document = visit.workspace.understand(Loaded(kept.before.path, kept.text, "proposed"))
    names = [one.name for one in document.entries]
    name = given.get("connector", "")
    name = name if name in names else next(iter(names), "")
    usage = given.get("usage") or _first_usage(document, name)
    return Asked(
        document=document,
        connector=name,
        draft=draft,
        usage=usage,
        locale=given.get("locale", _first_locale(document, name, usage)).strip(" "),
    )


def _first_usage(document: Document, name: str) -> str:
    usages = [one.usage for one in _templates(document, name)]
    return "Generic" if "Generic" in usages or not usages else usages[0]


def _first_locale(document: Document, name: str, usage: str) -> str:
    """Return a language in which there is a template; empty if there is one for any language."""
    tags = [one.locale for one in _templates(document, name) if one.usage == usage]
    return "" if "" in tags or not tags else tags[0]


def _review(visit: Visit, asked: Asked) -> Response:
    draft = visit.workspace.drafts.take(asked.draft)
    before = visit.workspace.read()
    if draft is None or draft.before.version != before.loaded.version:
        reason = _(
            "The file changed meanwhile. It was left as it is: look at it, and change again."
        )
        return visit.show("failure.html", 409, reason=reason, entry=visit.url(HERE))
    proposal = Proposal(before=before, text=draft.text, after=asked.document)
    return review(visit, proposal, draft.back)


def _sent(visit: Visit, asked: Asked) -> Response:
    to = visit.form.get("to", "").strip(" ")
    payload, wrong = payload_of(visit.form.get("payload", ""))
    faults = {"payload": wrong} if wrong else {}
    to_inbox = "inbox" in visit.form and _has_inbox(visit, asked)
    if "inbox" in visit.form and not to_inbox:
        return _show(visit, asked, 422)
    sent = attrs.evolve(asked, document=_to_inbox(visit, asked)) if to_inbox else asked
    try:
        passpost.Address.plain(to)
    except ValueError as error:
        faults["to"] = said(error)
    if faults or list(_obstacles(sent)):
        return _show(visit, asked, 422, faults=faults)
    if visit.workspace.pace.begin():
        words = _("at most {n} tests in a minute: nothing was sent", n=MOST)
        return _show(visit, asked, 429, outcome=Outcome(result="rejected", words=words))
    try:
        outcome = send(
            sent.document,
            asked.connector,
            to,
            file=str(visit.workspace.path),
            host=visit.workspace.host,
            usage=asked.usage,
            locale=asked.locale or None,
            payload=payload,
            language=visit.language,
        )
    except passpost.MessageError as error:
        key = error.field if error.field in {"to", "usage"} else "payload"
        return _show(visit, asked, 422, faults={key: said(error)})
    entry = asked.document.entry(asked.connector)
    if entry is not None and not asked.draft and not to_inbox:
        ok = outcome.result == "accepted"
        visit.workspace.remember(entry, ok=ok, words=outcome.words)
    outcome = attrs.evolve(outcome, in_inbox=to_inbox and outcome.result == "accepted")
    return _show(visit, asked, outcome=outcome)


def _to_inbox(visit: Visit, asked: Asked) -> Document:
    """Return the settings with the connector's own replaced by those that lead to the inbox."""
    entry = asked.document.entry(asked.connector)
    if visit.inbox is None or entry is None:
        raise AssertionError("a page without an inbox offers none")
    settings = visit.inbox.redirect(entry.use, entry.settings)
    if settings is None:
        raise AssertionError("a connector that no server here is for")
    place = ("connectors", asked.connector, "settings")
    loaded = asked.document.loaded
    text = rewrite(loaded.text, with_value(asked.document.data, place, settings))
    return visit.workspace.understand(Loaded(loaded.path, text, "redirected"))


def _show(
    visit: Visit,
    asked: Asked,
    status: int = 200,
    *,
    faults: Mapping[str, str] | None = None,
    outcome: Outcome | None = None,
) -> Response:
    templates = list(_templates(asked.document, asked.connector))
    usages = dict.fromkeys((*(one.usage for one in templates if one.usage), *FLOWS, asked.usage))
    return visit.show(
        "trial.html",
        status,
        asked=asked,
        connectors=[one.name for one in asked.document.entries],
        usages=list(usages),
        locales=sorted({one.locale for one in templates if one.locale}),
        to=visit.form.get("to", ""),
        payload=visit.form.get("payload", _sample(asked, templates)),
        obstacles=list(_obstacles(asked)),
        faults={"to": "", "usage": "", "payload": "", **(faults or {})},
        outcome=outcome,
        words=WORDS,
        has_inbox=_has_inbox(visit, asked),
    )


def _has_inbox(visit: Visit, asked: Asked) -> bool:
    entry = asked.document.entry(asked.connector)
    return (
        visit.inbox is not None
        and entry is not None
        and any(one.connector == entry.use for one in visit.inbox.offers)
    )


def _sample(asked: Asked, templates: list[Written]) -> str:
    fitting = (one for one in templates if (one.usage, one.locale) == (asked.usage, asked.locale))
    found = next(fitting, None)
    values = dict(found.values) if found is not None else {}
    values |= {"usageType": asked.usage, "locale": asked.locale}
    # The code of a test is another one, which is not valid.
    return samples.written({k: v for k, v in samples.sample(values).items() if k != "code"})


def _templates(document: Document, name: str) -> Iterator[Written]:
    for owner in dict.fromkeys((APPLICATION, name)):
        found = library(document, owner)
        yield from found.templates() if found is not None else ()


def _obstacles(asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield why nothing can be sent: each with the path of the page that helps."""
    document = asked.document
    if not document.readable:
        yield _("correct the settings file first: it cannot be read"), "/settings"
        return
    entry = document.entry(asked.connector)
    if entry is None:
        yield _("Add a connector first: it sends what the templates say."), "/add"
        return
    if entry.info is None:
        yield entry.error, f"/connectors/{entry.name}"
        return
    for one in document.problems:
        place = config_path(one.path)
        is_own = place[:2] == ("connectors", entry.name)
        if (one.severity == "error" or is_unset(one)) and (is_own or place[:1] == ("templates",)):
            message: Any = _("`{path}`: {message}", path=one.path, message=one.message)
            yield message, f"/connectors/{entry.name}" if is_own else "/templates"


PAGE: Final = Page(HERE, answer, title=_("Test email"), posts=True)
