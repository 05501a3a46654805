"""The settings as text: of one connector, or of the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

import passpost
from passpost._config.jsonc import MARK
from passpost_console.changes import forms_of, propose
from passpost_console.findings import marked
from passpost_console.hiding import MASK, Path, quiet_draft, reveal, secret_paths, value_at
from passpost_console.pages import failures
from passpost_console.pages.connector import CHANGED, about
from passpost_console.pages.saving import review
from passpost_console.phrases import _
from passpost_console.visit import Page, Visit
from passpost_console.workspace import spans_of
from passpost_tools.spans import Spans

if TYPE_CHECKING:
    from starlette.responses import Response

    from passpost_console.workspace import Document

_HIDDEN: Final = _("a new secret is not shown again, and `***` is in its place")
_AGAIN: Final = _("type it again")


@attrs.frozen
class Part:
    """A part of a text that can be edited by itself.

    Attributes:
        whole: The text, without secrets.
        start: Where the part begins.
        end: Where it ends.
    """

    whole: str
    start: int
    end: int

    @classmethod
    def of(cls, text: str, path: Path) -> Part:
        """Return the part at a path; all of the text for an empty one."""
        if not path:
            return cls(text, len(text) - len(text.removeprefix(MARK)), len(text))
        member = spans_of(text).members[path]
        return cls(text, member.value, member.end)

    @property
    def text(self) -> str:
        """The part's own text."""
        return self.whole[self.start : self.end]

    @property
    def lines_before(self) -> int:
        """How many lines are before the part."""
        return self.whole.count("\n", 0, self.start)

    def replaced(self, text: str) -> str:
        """Return the whole with another text for the part."""
        newline = "\r\n" if "\r\n" in self.whole else "\n"
        text = text.replace("\r\n", "\n").replace("\n", newline)
        return self.whole[: self.start] + text + self.whole[self.end :]


def whole(visit: Visit) -> Response:
    """Show the whole file, or what a change of its text does."""
    document = visit.workspace.read()
    return _answer(visit, document, (), "/settings")


def connector(visit: Visit) -> Response:
    """Show the text of one connector's settings, or what a change of it does."""
    document = visit.workspace.read()
    entry = document.entry(visit.arguments["name"])
    path = ("connectors", visit.arguments["name"], "settings")
    if entry is None or not isinstance(value_at(document.data, path), dict):
        return failures.failed(visit, 404)
    return _answer(visit, document, path, f"/json/{entry.name}")


def _answer(visit: Visit, document: Document, path: Path, here: str) -> Response:
    # What cannot be read cannot be cleared of its secrets either.
    if not document.readable:
        return _show(visit, document, path, here, None, "")
    hidden = "" if document.is_new else document.hidden.text
    part = Part.of(hidden, path)
    if not visit.is_change:
        return _show(visit, document, path, here, part, part.text)
    text = visit.form.get("text", "")
    if visit.form.get("version") != document.loaded.version:
        problem = passpost.Problem("", CHANGED)
        return _wrong(visit, document, path, here, part, text, (problem,))
    edited = part.replaced(text)
    try:
        new = reveal(edited, document.loaded.text, forms_of(document))
    except passpost.ConfigError as error:
        return _wrong(visit, document, path, here, part, text, error.problems)
    typed = _typed(document, edited)
    proposal = propose(visit.workspace, document, new, typed)
    if proposal.problems:
        return _wrong(visit, document, path, here, part, text, proposal.problems)
    return review(visit, proposal, here)


def _wrong(  # noqa: PLR0913, PLR0917 - each is one fact of the page
    visit: Visit,
    document: Document,
    path: Path,
    here: str,
    part: Part,
    text: str,
    problems: tuple[passpost.Problem, ...],
) -> Response:
    """Show what somebody typed, without new secrets, and what is wrong with it."""
    edited = part.replaced(text)
    # The rest is as it is on the page already, so it does not change.
    whole, rest = quiet_draft(edited, forms_of(document)), len(part.whole) - part.end
    shown = whole[part.start : len(whole) - rest]
    if whole != edited:
        problems = (*problems, passpost.Problem("", _HIDDEN, _AGAIN, "warning"))
    return _show(visit, document, path, here, part, shown, problems)


def _typed(document: Document, text: str) -> set[Path]:
    """Return where a text has secrets of its own, not masks."""
    data = Spans(text).value
    paths = secret_paths(data, forms_of(document))
    return {path for path in paths if value_at(data, path) != MASK}


def _show(  # noqa: PLR0913, PLR0917 - each is one fact of the page
    visit: Visit,
    document: Document,
    path: Path,
    here: str,
    part: Part | None,
    text: str,
    problems: tuple[passpost.Problem, ...] | list[passpost.Problem] = (),
) -> Response:
    first = part.lines_before if part is not None else 0
    entry = document.entry(str(path[1])) if path else None
    placed = [
        attrs.evolve(one, line=one.line - first if one.line and one.line > first else None)
        for one in (problems or document.problems if part is None else problems)
    ]
    return visit.show(
        "text.html",
        422 if problems else 200,
        **(about(visit, entry) if entry is not None else {"entry": None}),
        action=here,
        document=document,
        text=text,
        version=document.loaded.version,
        problems=placed,
        marked=marked(text, placed),
        editable=part is not None,
    )


PAGE: Final = Page("/settings", whole, title=_("Settings file"), posts=True)
CONNECTOR: Final = Page("/json/{name:path}", connector, posts=True)
