"""The mistakes that a program can correct without a doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from passpost._paths import Path, path_keys
from passpost.config import Problem
from passpost_tools.editing import rename, respell
from passpost_tools.spans import Spans

_SPREAD: Final = re.compile(r"\{ +\{ *([\w.]+) *\} *\}")
_SCRIPT: Final = re.compile(r"<script\b", re.IGNORECASE)
_SCRIPT_END: Final = re.compile(r"</script\s*+>\n?", re.IGNORECASE)
_TAG: Final = re.compile(r"(\{\{\{?[#^/&]?\s*)([\w.-]+)(\s*\}\}\}?)")
_QUOTED: Final = re.compile(r"`([^`]+)`")


@attrs.frozen
class Fix:
    """One change.

    Attributes:
        problem: What it corrects.
        text: The settings afterwards.
    """

    problem: Problem
    text: str = attrs.field(repr=False)


def fixed(text: str, problems: Iterable[Problem]) -> list[Fix]:
    """Correct what can be corrected without a doubt, one change after the other.

    Those are a key or a variable in another spelling (``from_email``, ``{{Code}}``), placeholders
    whose braces a formatter has spread, and scripts in HTML. Comments and order stay.
    """
    fixes: list[Fix] = []
    for problem in problems:
        correct = _CORRECTIONS.get(problem.code or "")
        path = path_keys(problem.path)
        if correct is None or not path:
            continue
        current = fixes[-1].text if fixes else text
        try:
            corrected = correct(current, path, problem)
        except KeyError:
            # An earlier change may have renamed what it is in.
            continue
        if corrected != current:
            fixes.append(Fix(problem, corrected))
    return fixes


def _rename(text: str, path: Path, problem: Problem) -> str:
    meant = _QUOTED.search(problem.remedy)
    if meant is None or not _same(str(path[-1]), meant[1]):
        return text
    taken = (*path[:-1], meant[1]) in Spans(text).members
    return text if taken else rename(text, path, meant[1])


def _close_braces(text: str, path: Path, _problem: Problem) -> str:
    return respell(text, path, lambda value: _SPREAD.sub(r"{{\1}}", value))


def _drop_scripts(text: str, path: Path, problem: Problem) -> str:
    if "<script>" not in problem.message:
        return text
    return respell(text, path, _without_scripts)


def _without_scripts(html: str) -> str:
    kept, at = [], 0
    # Of a script without an end, nothing is certain.
    while (start := _SCRIPT.search(html, at)) and (end := _SCRIPT_END.search(html, start.end())):
        kept.append(html[at : start.start()])
        at = end.end()
    return "".join((*kept, html[at:]))


def _respell(text: str, path: Path, problem: Problem) -> str:
    wrong, meant = _QUOTED.search(problem.message), _QUOTED.search(problem.remedy)
    if not wrong or not meant or not _same(wrong[1], meant[1]):
        return text

    def spelt(tag: re.Match[str]) -> str:
        return tag[1] + (meant[1] if tag[2] == wrong[1] else tag[2]) + tag[3]

    return respell(text, path, lambda value: _TAG.sub(spelt, value))


def _same(one: str, other: str) -> bool:
    """Return whether two names differ in nothing but case and separators."""
    if one.count(".") != other.count("."):
        return False
    parts = zip(one.split("."), other.split("."), strict=True)
    return all(_folded(mine) == _folded(theirs) for mine, theirs in parts)


def _folded(name: str) -> str:
    return re.sub("[_ -]", "", name).lower()


_CORRECTIONS: Final = {
    "E101": _rename,
    "W202": _close_braces,
    "W210": _respell,
    "W215": _drop_scripts,
}
"""What corrects which code."""
