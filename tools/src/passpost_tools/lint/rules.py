"""The rules that look at one template."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from passpost._messages.usages import KNOWN_USAGES
from passpost._wording import did_you_mean
from passpost.config import Problem
from passpost.phrases import Phrases
from passpost_tools.lint.drafts import Draft
from passpost_tools.lint.markup import Found, dropped_in, plain_links_in
from passpost_tools.lint.variables import INVITATION, PURPOSES, roots_of, unknown_in

_: Final = Phrases("passpost_tools")

_TEXTS: Final = ("subject", "content", "text", "replyTo", "sendFrom")
_BODIES: Final = ("content", "text")

MAX_SUBJECT: Final = 78
"""Columns of a subject that fit the line of most inboxes; a full-width character has two."""

_A_VALUE: Final = 8
"""Columns of a subject that a placeholder is counted for."""

_TAG: Final = re.compile(r"\{\{[^{}]*\}\}\}?")
_SECTION: Final = re.compile(r"\{\{[#^/!][^{}]*\}\}")
_WIDE: Final = frozenset("WF")

_LEFT: Final = re.compile(
    r"<\s*your[ _-][\w -]*>|\[\s*(?:your|insert)\b[^\]\n]*\]|\blorem ipsum\b"
    r"|\b(?-i:TODO|FIXME|XXX)\b",
    re.IGNORECASE,
)


def problems_of(draft: Draft, declared: Collection[str]) -> Iterator[Problem]:
    """Return the warnings of one template.

    Args:
        draft: The template.
        declared: The variables that the application supplies besides the known ones.
    """
    misspelt: set[str] = set()
    for key in _TEXTS:
        yield from _variables(draft, key, declared, misspelt)
        yield from _placeholders(draft, key)
    yield from _subject(draft)
    for key in _BODIES:
        yield from _purpose(draft, key, misspelt)
    if draft.html:
        yield from _html(draft)
    for key in _BODIES if not draft.html else ("text",):
        for offset in plain_links_in(draft.text(key)):
            yield _unencrypted(draft, key, offset)


def _variables(
    draft: Draft, key: str, declared: Collection[str], misspelt: set[str]
) -> Iterator[Problem]:
    text, seen = draft.text(key), set()
    for variable, meant in unknown_in(draft.nodes(key), draft.usage, declared):
        misspelt.add(meant or "")
        if variable.name in seen:
            continue
        seen.add(variable.name)
        message = _(
            "`{name}` is not a known variable of {usage}", name=variable.name, usage=draft.usage
        )
        otherwise = _("if the application supplies it, add it to `lint.variables`")
        remedy = did_you_mean(meant, otherwise)
        yield draft.problem(key, "W210", message, remedy, offset=text.find(variable.source))


def _placeholders(draft: Draft, key: str) -> Iterator[Problem]:
    if match := _LEFT.search(draft.text(key)):
        message = _("`{text}` looks like a placeholder", text=match.group())
        remedy = _("replace it with your own text")
        yield draft.problem(key, "W213", message, remedy, offset=match.start())


def _subject(draft: Draft) -> Iterator[Problem]:
    subject = draft.text("subject")
    for variable in roots_of(draft.nodes("subject")) & {"code"}:
        offset = next((m.start() for m in _TAG.finditer(subject) if variable in m.group()), None)
        message = _("the code is in the subject, which locked screens show")
        remedy = _("write a subject without `{{code}}`")
        yield draft.problem("subject", "W212", message, remedy, offset=offset)
    columns = _columns(_TAG.sub("x" * _A_VALUE, _SECTION.sub("", subject)))
    if columns > MAX_SUBJECT:
        message = _("about {columns} columns: inboxes cut the end off", columns=columns)
        remedy = _("use at most {columns}", columns=MAX_SUBJECT)
        yield draft.problem("subject", "W217", message, remedy)


def _purpose(draft: Draft, key: str, misspelt: set[str]) -> Iterator[Problem]:
    roots = roots_of(draft.nodes(key))
    # A text without any variable has a warning of its own.
    if not roots or draft.usage not in KNOWN_USAGES or (roots | misspelt) & PURPOSES:
        return
    message = _("neither a code nor a link: the recipient cannot go on")
    name = "link" if draft.usage == INVITATION else "code"
    yield draft.problem(key, "W211", message, _("write {tag}", tag=f"`{{{{{name}}}}}`"))


def _html(draft: Draft) -> Iterator[Problem]:
    content = draft.text("content")
    if content and not draft.text("text"):
        message = _("HTML without plain text: some filters and readers expect both")
        remedy = _("add `text` with the same words")
        yield draft.problem("content", "W214", message, remedy)
    for found in dropped_in(content):
        if found.kind == "http":
            yield _unencrypted(draft, "content", found.offset)
        else:
            says = says_of(found)
            yield draft.problem("content", "W215", says, _("remove it"), offset=found.offset)


def says_of(found: Found) -> str:
    """Return what email programs do with something in the markup."""
    match found.kind:
        case "attribute":
            return _("`{name}`: email programs remove event handlers", name=found.name)
        case "stylesheet":
            return _("`{name}`: email programs do not load style sheets", name=found.name)
        case "refresh":
            return _("`<{name}>`: email programs ignore redirects", name=found.name)
        case "script-link":
            return _("`{name}`: email programs remove links that run a script", name=found.name)
    return _("`<{name}>`: email programs remove this element", name=found.name)


def _unencrypted(draft: Draft, key: str, offset: int) -> Problem:
    message = _("a link without encryption")
    remedy = _("use an address that begins with `https://`")
    return draft.problem(key, "W216", message, remedy, offset=offset)


def _columns(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(char) in _WIDE) for char in text)
