"""What is wrong with one template, with the line of the text that it is about."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import attrs

from passpost._paths import path_keys
from passpost_console.forms import lines
from passpost_tools.editing import rewrite
from passpost_tools.lint import lint
from passpost_tools.setup.questions import is_reference
from passpost_tools.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import passpost

_LIST: Final = "templates"
_KIND: Final = "contentType"
_AROUND: Final = 1


@attrs.frozen
class Finding:
    """Something about a template.

    Attributes:
        key: The setting; empty for the template as a whole.
        problem: What it is.
        line: The line of the setting's text, counted from 1; None if it is about all of it.
    """

    key: str
    problem: passpost.Problem
    line: int | None = None


def find(
    written: str, content_type: str, lint_settings: Any, host: passpost.Host
) -> tuple[Finding, ...]:
    """Return what is wrong with a template, and what is probably a mistake in it.

    Args:
        written: The text of the template in the settings file; its comments may ignore warnings.
        content_type: What the content is if the template does not say.
        lint_settings: The setting ``lint`` of the file.
        host: Where connectors are looked up.
    """
    own = {} if lint_settings is None else {"lint": lint_settings}
    head = json.dumps(own)[:-1] + (", " if own else "")
    return _found(written, content_type, head, host)


# A page shows the same template several times while somebody works on it.
@lru_cache(maxsize=256)
def _found(written: str, content_type: str, head: str, host: passpost.Host) -> tuple[Finding, ...]:
    text = f'{head}"{_LIST}": [{written}]}}'
    spans = Spans(text)
    values: dict[str, Any] = spans.value[_LIST][0]
    if not values.get(_KIND):
        text = rewrite(text, {**spans.value, _LIST: [{**values, _KIND: content_type}]})
        spans = Spans(text)
    return tuple(_findings(lint(text, host=host), spans, text))


def _findings(problems: Sequence[passpost.Problem], spans: Spans, text: str) -> Iterator[Finding]:
    values: Mapping[str, Any] = spans.value[_LIST][0]
    for one in problems:
        path = path_keys(one.path)
        if path[:2] != (_LIST, 0):
            continue
        key = str(path[2]) if len(path) > 2 else ""  # noqa: PLR2004 - a setting of the template
        # Nothing is told of a text that is read from elsewhere.
        if not is_reference(values.get(key)):
            yield Finding(key, attrs.evolve(one, path=key), _line(one, spans, text, key))


def _line(problem: passpost.Problem, spans: Spans, text: str, key: str) -> int | None:
    """Return the line within a setting's text: in the file it is one line of JSON."""
    member = spans.members.get((_LIST, 0, key))
    if member is None or problem.line is None or problem.column is None:
        return None
    starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
    offset = starts[problem.line - 1] + problem.column - 1
    if not member.value < offset < member.end:
        return None
    try:
        before: str = json.loads(text[member.value : offset] + '"')
    except ValueError:
        return None
    return before.replace("\r\n", "\n").count("\n") + 1


class _Placed(Protocol):
    @property
    def line(self) -> int | None: ...


Placed = TypeVar("Placed", bound=_Placed)


def marked(text: str, findings: Sequence[Placed]) -> list[tuple[int, str, list[Placed]]]:
    """Return the lines with findings or problems, and those around them: number, text, findings."""
    every = lines(text).split("\n")
    numbers = {one.line for one in findings if one.line is not None}
    near = range(-_AROUND, _AROUND + 1)
    near_them = {n + d for n in numbers for d in near if 1 <= n + d <= len(every)}
    return [
        (number, every[number - 1], [one for one in findings if one.line == number])
        for number in sorted(near_them)
    ]


def text_of(values: Mapping[str, Any]) -> str:
    """Return a new template as the text of settings."""
    return json.dumps(values, ensure_ascii=False, indent=2)
