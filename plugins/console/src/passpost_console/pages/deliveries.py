"""What became of emails: a list that can be filtered, and a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from passpost_console.charts import HEIGHT, WIDTH, chart
from passpost_console.deliveries import OUTCOMES, Read, read_log
from passpost_console.outbox import SECTION, CannotRead, read_outbox
from passpost_console.phrases import _
from passpost_console.times import shown
from passpost_console.visit import Page, Visit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from passpost_console.deliveries import Delivery

LISTED: Final = 100
"""Emails on a page."""

WORDS: Final = {
    "accepted": _("accepted"),
    "rejected": _("rejected"),
    "expired": _("expired"),
    "unknown": _("unknown"),
}
"""The outcomes for people."""

_LOG: Final = "log"


@attrs.frozen
class Filter:
    """Which emails to show; an empty text stands for all.

    Attributes:
        usage: What they are for.
        connector: Their connector.
        outcome: What became of them.
        recipient: A part of the shortened address.
    """

    usage: str = ""
    connector: str = ""
    outcome: str = ""
    recipient: str = ""

    @classmethod
    def of(cls, visit: Visit) -> Filter:
        """Return what the query of a visit asks for."""
        return cls(**{one.name: visit.query.get(one.name, "").strip() for one in attrs.fields(cls)})

    def picks(self, one: Delivery) -> bool:
        """Return whether an email is one of those."""
        return (
            self.usage in {"", one.usage}
            and self.connector in {"", one.connector}
            and self.outcome in {"", one.outcome}
            and self.recipient.lower() in one.recipient.lower()
        )


def answer(visit: Visit) -> Response:
    """Show the latest emails."""
    sources = _sources(visit)
    source = visit.query.get("from", "")
    source = source if source in sources else next(iter(sources), "")
    read, problem = _read(visit, source)
    wanted = Filter.of(visit)
    picked = [one for one in read.deliveries if wanted.picks(one)]
    return visit.show(
        "deliveries.html",
        sources=sources,
        source=source,
        problem=problem,
        read=read,
        wanted=wanted,
        picked=picked,
        listed=[(one, shown(one.at, seconds=True)) for one in picked[:LISTED]],
        usages=_each(read, "usage"),
        connectors=_each(read, "connector"),
        outcomes={one: WORDS[one] for one in OUTCOMES if one in _each(read, "outcome")},
        words=WORDS,
        chart=chart(picked),
        width=WIDTH,
        height=HEIGHT,
        summary=_summary(picked),
    )


def _sources(visit: Visit) -> Mapping[str, str]:
    """Return where deliveries can be read."""
    found = {}
    if visit.workspace.log is not None:
        found[_LOG] = _("log")
    if isinstance(visit.workspace.read().data.get(SECTION), dict):
        found[SECTION] = _("outbox")
    return found


def _read(visit: Visit, source: str) -> tuple[Read, str]:
    """Return what a source says, and why it cannot be read."""
    workspace = visit.workspace
    try:
        if source == SECTION:
            return read_outbox(workspace.path, workspace.host), ""
        if source == _LOG and workspace.log is not None:
            return read_log(workspace.log), ""
    except CannotRead as error:
        return Read(()), _("The outbox cannot be read: {reason}.", reason=error.args[0])
    except FileNotFoundError:
        return Read(()), _("The log is not there yet. An email of your application begins it.")
    except OSError as error:
        return Read(()), _("The log cannot be read: {reason}.", reason=error.strerror or "")
    return Read(()), ""


def _each(read: Read, name: str) -> list[str]:
    return sorted({getattr(one, name) for one in read.deliveries} - {""})


def _summary(picked: Sequence[Delivery]) -> list[tuple[str, int]]:
    return [
        (outcome, number)
        for outcome in OUTCOMES
        if (number := sum(one.outcome == outcome for one in picked))
    ]


PAGE: Final = Page("/deliveries", answer, title=_("Deliveries"))
