"""Looks for what keeps emails from arriving, and shows each finding as it comes."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import attrs
from starlette.responses import StreamingResponse

import passpost
from passpost import config
from passpost._plugins.defects import describe_defect
from passpost.phrases import said
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_tools.configuring import configured
from passpost_tools.doctor import Diagnosis, Wishes, diagnose
from passpost_tools.doctor.summary import WORDS, invalid_settings, summed, worst

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.workspace import Document

log: Final = logging.getLogger("passpost.console")

# Text of others is escaped, so no page has it elsewhere.
_HERE: Final = "<!-- findings -->"


def answer(visit: Visit) -> Response:
    """Show what can be examined, or examine it."""
    document = visit.workspace.read()
    chosen = visit.form.get("connector", "")
    if not visit.is_change or document.is_new:
        return _page(visit, document)
    to = visit.form.get("to", "").strip()
    try:
        wishes = _wishes(to, senders="senders" in visit.form)
    except passpost.MessageError as error:
        return _page(visit, document, status=422, problem=str(error), to=to, chosen=chosen)
    shown = visit.rendered("doctor.html", **_values(visit, document, "", to, chosen, examines=True))
    before, _marker, after = shown.partition(_HERE)
    return StreamingResponse(
        _encoded(before, _findings(visit, document, chosen, wishes), after),
        media_type="text/html",
        # A proxy that collects responses would show all findings at the end.
        headers={"x-accel-buffering": "no"},
    )


def _page(  # noqa: PLR0913 - what somebody typed, and why it is not right
    visit: Visit,
    document: Document,
    *,
    status: int = 200,
    problem: str = "",
    to: str = "",
    chosen: str = "",
) -> Response:
    values = _values(visit, document, problem, to, chosen, examines=False)
    return visit.show("doctor.html", status, **values)


def _values(  # noqa: PLR0913 - each is one fact of the page
    visit: Visit, document: Document, problem: str, to: str, chosen: str, *, examines: bool
) -> dict[str, object]:
    return {
        "senders": "senders" in visit.form or not visit.is_change,
        "document": document,
        "problem": problem,
        "to": to,
        "chosen": chosen,
        "examines": examines,
        "here": _HERE,
    }


def _wishes(to: str, *, senders: bool) -> Wishes:
    if to:
        # An invalid address is reported before anything is looked at.
        passpost.Message(to, "Generic")
    return Wishes(recipient=to or None, senders=senders)


async def _encoded(
    before: str, parts: AsyncGenerator[str, None], after: str
) -> AsyncIterator[bytes]:
    # As `Visit.show` does.
    yield before.encode("utf-8", "replace")
    # A browser that leaves ends the examination.
    async with aclosing(parts):
        async for part in parts:
            yield part.encode("utf-8", "replace")
    yield after.encode("utf-8", "replace")


async def _findings(
    visit: Visit, document: Document, chosen: str, wishes: Wishes
) -> AsyncGenerator[str, None]:
    found: list[Diagnosis] = []
    connector = None
    what = ""
    try:
        async with aclosing(_examined(visit, document, chosen, wishes)) as findings:
            async for one in findings:
                starts, connector = one.connector != connector, one.connector
                found.append(one)
                yield visit.rendered(
                    "finding.html", one=one, number=len(found), words=WORDS, starts=starts
                )
    # The response has begun: nothing but the page itself can say what happened.
    except Exception as error:  # noqa: BLE001
        what = describe_defect(error)
    if what:
        log.error("the console failed at %s: %s", PAGE.path, what)
        yield visit.rendered(
            "examined.html",
            sum=_("The examination ended early, for a defect: {what}", what=what),
            worst="error",
        )
        return
    _remember(visit, document, found)
    yield visit.rendered("examined.html", sum=summed(found), worst=worst(found))


async def _examined(
    visit: Visit, document: Document, chosen: str, wishes: Wishes
) -> AsyncGenerator[Diagnosis, None]:
    """Yield what is found, and the problems of settings that cannot be used."""
    place = visit.workspace.path.name
    application = _application(visit, document)
    if isinstance(application, passpost.ConfigError):
        for one in invalid_settings(application, place):
            yield one
        return
    if chosen:
        connectors = tuple(one for one in application.connectors if one.name == chosen)
        application = attrs.evolve(application, connectors=connectors)
    async with aclosing(diagnose(application, wishes)) as findings:
        async for one in findings:
            yield one


def _application(visit: Visit, document: Document) -> passpost.Application | passpost.ConfigError:
    """Return the application of the settings, or what is wrong with them."""
    workspace = visit.workspace
    place = workspace.path.name
    if not document.readable:
        return passpost.ConfigError(document.problems)
    try:
        settings = config.read(document.loaded.text, str(workspace.path))
        return configured(settings, None, workspace.host)
    except passpost.ConfigError as wrong:
        return wrong
    except passpost.PluginError as wrong:
        return passpost.ConfigError([passpost.Problem("", said(wrong), file=place)])


def _remember(visit: Visit, document: Document, found: list[Diagnosis]) -> None:
    """Note for the overview how each connector fared."""
    for entry in document.entries:
        own = [one for one in found if one.connector == entry.name]
        if own:
            visit.workspace.remember(entry, ok=worst(own) != "error", words=summed(own))


PAGE: Final = Page("/doctor", answer, title=_("Doctor"), posts=True)
