"""What a new text of the settings changes, and whether it may be saved."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

import attrs

import passpost
from passpost import config
from passpost_console.hiding import (
    MASK,
    NEW,
    Path,
    left_masks,
    replaced,
    secret_paths,
    value_at,
)
from passpost_console.phrases import _
from passpost_console.workspace import Document, Workspace, config_path
from passpost_tools.saving import Loaded
from passpost_tools.setup.questions import is_unset

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from passpost_tools.descriptions import FormField

_AROUND: Final = 3
_CONNECTORS: Final = "connectors"
_NO_TEMPLATE: Final = "E402"

# Where a secret goes, and how well it is protected on its way.
_DESTINATION: Final = re.compile(
    r"host|port\b|port[A-Z]|^port|endpoint|url|region|secure|tls|proxy|server|service|address"
    r"|domain|\bca\b|cert|verify|reject|^use$",
    re.IGNORECASE,
)


@attrs.frozen
class Line:
    """A line of a diff.

    Attributes:
        kind: ``same``, ``plus``, ``minus``, or ``gap`` for lines that were left out.
        text: The line, without secrets.
        before: Its number before; None if it is new.
        after: Its number after; None if it was removed.
    """

    kind: str
    text: str
    before: int | None = None
    after: int | None = None


@attrs.frozen(kw_only=True)
class Proposal:
    """A new text of the settings.

    Attributes:
        before: The settings as they are.
        text: The new text; empty if it could not be made.
        after: What it says.
        problems: Why it may not be saved.
        warnings: What is probably a mistake in it.
    """

    before: Document
    text: str = attrs.field(repr=False)
    after: Document
    problems: tuple[passpost.Problem, ...] = ()
    warnings: tuple[passpost.Problem, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether the text differs from that of before."""
        return self.text != self.before.loaded.text

    def diff(self) -> tuple[Line, ...]:
        """Return what changes, without secrets."""
        old = "" if self.before.is_new else self.before.hidden.text
        return tuple(_lines(old.splitlines(), self._shown().splitlines()))

    def _shown(self) -> str:
        data = self.before.data
        values = {
            path: MASK if value_at(data, path) == value_at(self.after.data, path) else NEW
            for path in secret_paths(self.after.data, forms_of(self.after))
        }
        return replaced(self.after.spans, values)


def propose(
    workspace: Workspace, before: Document, text: str, typed: Collection[Path] = ()
) -> Proposal:
    """Look at a new text: what it says, and what speaks against it.

    Args:
        workspace: The settings file.
        before: The settings as they are.
        text: The new text, with its secrets.
        typed: Where secrets were typed, though they may be those of before.
    """
    after = workspace.understand(Loaded(before.loaded.path, text, "proposed"))
    if not after.readable:
        return Proposal(before=before, text=text, after=after, problems=after.problems)
    known = {(one.path, one.message) for one in before.problems}
    new = [one for one in after.errors if (one.path, one.message) not in known]
    # In a new file, settings come before templates: their lack shows when the settings are right.
    lacking = [one for one in new if one.code == _NO_TEMPLATE and _is_untouched(before, after, one)]
    new = [one for one in new if one not in lacking]
    own = (*_unknown_masks(after), *_stale_secrets(before, after, typed))
    warnings = (
        *lacking,
        *(
            one
            for one in after.problems
            if (one.severity == "warning" or is_unset(one)) and (one.path, one.message) not in known
        ),
    )
    return Proposal(
        before=before,
        text=text,
        after=after,
        problems=(*own, *new),
        warnings=tuple(warnings),
    )


def forms_of(document: Document) -> dict[str, Sequence[FormField]]:
    """Return the forms of the connectors, by name."""
    return {one.name: one.fields("en") for one in document.entries}


def _is_untouched(before: Document, after: Document, problem: passpost.Problem) -> bool:
    """Return whether a change touches neither the templates of a problem nor those of all."""
    paths: list[Path] = [("templates",), config_path(problem.path)]
    return all(value_at(before.data, path) == value_at(after.data, path) for path in paths)


def _unknown_masks(after: Document) -> Iterator[passpost.Problem]:
    for path in left_masks(after.data, forms_of(after)):
        yield _problem(after, path, _("`***` stands for the secret that was here before"))


def _stale_secrets(
    before: Document, after: Document, typed: Collection[Path]
) -> Iterator[passpost.Problem]:
    """Yield the secrets that would go to another place than the one that they were typed for."""
    for path in secret_paths(after.data, forms_of(after)):
        place = path[:2] if path[0] == _CONNECTORS else path[:1]
        same = value_at(before.data, path) == value_at(after.data, path)
        if same and path not in typed and _moved(before.data, after.data, place):
            yield _problem(
                after, path, _("the address that it is sent to changed: type the secret again")
            )


def _moved(before: Any, after: Any, place: Path) -> bool:
    return any(
        any(isinstance(step, str) and _DESTINATION.search(step) for step in path[-2:])
        for path in _changed(value_at(before, place), value_at(after, place), ())
    )


def _changed(old: Any, new: Any, path: Path) -> Iterator[Path]:
    if path[-1:] == ("templates",):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _changed(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, dict) or isinstance(new, dict):
        for key, item in (old if isinstance(old, dict) else new).items():
            yield from _changed(item, None, (*path, key))
    elif old != new or type(old) is not type(new):
        yield path


def _problem(document: Document, path: Path, message: str) -> passpost.Problem:
    settings = config.read(document.loaded.text, document.loaded.path.name)
    return settings.problem(path, message)


def by_input(
    problems: Sequence[passpost.Problem], name: str
) -> dict[str, tuple[passpost.Problem, ...]]:
    """Return the problems of a connector's settings by the input that they are about."""
    place = (_CONNECTORS, name, "settings")
    found: dict[str, tuple[passpost.Problem, ...]] = {}
    for one in problems:
        path = config_path(one.path)
        if path[:3] == place:
            key = ".".join(str(step) for step in path[3:] if isinstance(step, str))
            found[key] = (*found.get(key, ()), one)
    return found


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND)
    for index, group in enumerate(groups):
        if index or group[0][1]:
            yield Line("gap", "")
        for kind, first, last, start, stop in group:
            if kind == "equal":
                for offset in range(last - first):
                    before, after = first + offset, start + offset
                    yield Line("same", old[before], before + 1, after + 1)
                continue
            for number in range(first, last):
                yield Line("minus", old[number], number + 1)
            for number in range(start, stop):
                yield Line("plus", new[number], after=number + 1)
