"""The mistakes that a program can correct without a doubt."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from passpost._paths import path_keys
from passpost.config import Problem
from passpost_tools.editing import rewrite
from passpost_tools.spans import Spans

_SPREAD: Final = re.compile(r"\{ +\{ *([\w.]+) *\} *\}")
_SCRIPT: Final = re.compile(r"<script\b[^>]*>.*?</script\s*>\n?", re.IGNORECASE | re.DOTALL)
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
        change = _CHANGES.get(problem.code or "")
        path = path_keys(problem.path)
        if change is None or not path:
            continue
        current = fixes[-1].text if fixes else text
        value = copy.deepcopy(Spans(current).value)
        parent = _parent(value, path)
        if parent is not None and change(parent, path[-1], problem):
            fixes.append(Fix(problem, rewrite(current, value)))
    return fixes


def _parent(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return what contains the last step of a path; None if the path does not lead there."""
    for step in path[:-1]:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value if isinstance(value, dict) and path[-1] in value else None


def _rename(parent: dict[Any, Any], key: Any, problem: Problem) -> bool:
    meant = _QUOTED.search(problem.remedy)
    if meant is None or meant[1] in parent or not _same(str(key), meant[1]):
        return False
    renamed = {meant[1] if name == key else name: each for name, each in parent.items()}
    parent.clear()
    parent.update(renamed)
    return True


def _close_braces(parent: dict[Any, Any], key: Any, _problem: Problem) -> bool:
    return _replace(parent, key, lambda text: _SPREAD.sub(r"{{\1}}", text))


def _drop_scripts(parent: dict[Any, Any], key: Any, problem: Problem) -> bool:
    if "<script>" not in problem.message:
        return False
    return _replace(parent, key, lambda text: _SCRIPT.sub("", text))


def _respell(parent: dict[Any, Any], key: Any, problem: Problem) -> bool:
    wrong, meant = _QUOTED.search(problem.message), _QUOTED.search(problem.remedy)
    if not wrong or not meant or not _same(wrong[1], meant[1]):
        return False

    def spelt(tag: re.Match[str]) -> str:
        return tag[1] + (meant[1] if tag[2] == wrong[1] else tag[2]) + tag[3]

    return _replace(parent, key, lambda text: _TAG.sub(spelt, text))


def _replace(parent: dict[Any, Any], key: Any, change: Callable[[str], str]) -> bool:
    before = parent[key]
    if isinstance(before, str):
        parent[key] = change(before)
    return bool(parent[key] != before)


def _same(one: str, other: str) -> bool:
    """Return whether two names differ in nothing but case and separators."""
    if one.count(".") != other.count("."):
        return False
    parts = zip(one.split("."), other.split("."), strict=True)
    return all(_folded(mine) == _folded(theirs) for mine, theirs in parts)


def _folded(name: str) -> str:
    return re.sub("[_ -]", "", name).lower()


_CHANGES: Final = {
    "E101": _rename,
    "W202": _close_braces,
    "W210": _respell,
    "W215": _drop_scripts,
}
"""What corrects which code."""
