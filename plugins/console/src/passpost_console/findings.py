"""What is wrong with one template, with the line of the text that it is about."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import attrs

from passpost._messages.usages import FLOW_USAGES, canonical_usage
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


@attrs.frozen
class Beside:
    """The other templates of a list, as far as they decide what a template lacks.

    Attributes:
        before: Usage and language of those before it.
        after: Likewise, of those behind it.
    """

    before: tuple[tuple[str, str], ...] = ()
    after: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, templates: Sequence[Any], number: int) -> Beside:
        """Return the first one of each flow, in the same language and in any other.

        One of the same usage and language is left out: what is said of it names its place.
        """
        pairs = [_pair(one) for one in templates]
        own = pairs[number][1].partition("-")[0]
        first: dict[tuple[str, bool], int] = {}
        for index, (usage, locale) in enumerate(pairs):
            if (usage, locale) != pairs[number]:
                flow = usage if usage in FLOW_USAGES else ""
                first.setdefault((flow, locale.partition("-")[0] == own), index)
        return cls(
            tuple(pairs[index] for index in first.values() if index < number),
            tuple(pairs[index] for index in first.values() if index > number),
        )


def _pair(template: Any) -> tuple[str, str]:
    values = template if isinstance(template, dict) else {}
    usage, locale = values.get("usageType"), values.get("locale")
    named = canonical_usage(usage) if isinstance(usage, str) else ""
    return named, locale.lower() if isinstance(locale, str) else ""


def _stand_ins(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    for usage, locale in pairs:
        named = {"usageType": usage, "subject": "-", "content": "-", "locale": locale}
        yield json.dumps({key: value for key, value in named.items() if value})


def find(
    written: str,
    content_type: str,
    lint_settings: Any,
    host: passpost.Host,
    beside: Beside = Beside(),
) -> tuple[Finding, ...]:
    """Return what is wrong with a template, and what is probably a mistake in it.

    Args:
        written: The text of the template in the settings file; its comments may ignore warnings.
        content_type: What the content is if the template does not say.
        lint_settings: The setting ``lint`` of the file.
        host: Where connectors are looked up.
        beside: The other templates.
    """
    own = {} if lint_settings is None else {"lint": lint_settings}
    head = json.dumps(own)[:-1] + (", " if own else "")
    return _found(written, content_type, head, host, beside)


# A page shows the same template several times while somebody works on it.
@lru_cache(maxsize=256)
def _found(
    written: str, content_type: str, head: str, host: passpost.Host, beside: Beside
) -> tuple[Finding, ...]:
    before = "".join(f"{one}, " for one in _stand_ins(beside.before))
    after = "".join(f", {one}" for one in _stand_ins(beside.after))
    text = f'{head}"{_LIST}": [{before}\n{written}\n{after}]}}'
    place = (_LIST, len(beside.before))
    spans = Spans(text)
    listed: list[dict[str, Any]] = spans.value[_LIST]
    if not listed[place[1]].get(_KIND):
        listed[place[1]][_KIND] = content_type
        text = rewrite(text, spans.value)
        spans = Spans(text)
    return tuple(_findings(lint(text, host=host), spans, place))


def _findings(
    problems: Sequence[passpost.Problem], spans: Spans, place: tuple[str, int]
) -> Iterator[Finding]:
    values: Mapping[str, Any] = spans.value[_LIST][place[1]]
    for one in problems:
        path = path_keys(one.path)
        if path[:2] != place:
            continue
        key = str(path[2]) if len(path) > 2 else ""  # noqa: PLR2004 - a setting of the template
        # Nothing is told of a text that is read from elsewhere.
        if not is_reference(values.get(key)):
            yield Finding(key, attrs.evolve(one, path=key), _line(one, spans, (*place, key)))


def _line(problem: passpost.Problem, spans: Spans, place: tuple[str | int, ...]) -> int | None:
    """Return the line within a setting's text: in the file it is one line of JSON."""
    text, member = spans.text, spans.members.get(place)
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
