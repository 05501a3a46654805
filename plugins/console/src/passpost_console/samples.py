"""Sample data for a template: what the application would supply when it sends the email."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from passpost._templates.syntax import Section, Variable, parse
from passpost.config import Invalid
from passpost_tools.lint.variables import INVITATION, given

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from passpost._templates.syntax import Node

_TEXTS: Final = ("subject", "content", "text", "replyTo", "sendFrom")
_COMMON: Final[dict[str, Any]] = {
    "code": "482913",
    "link": "https://app.example.com/verify?token=sample",
    "expiresInMinutes": 10,
}
_PEOPLE: Final[dict[str, dict[str, Any]]] = {
    "en": {
        "application": {"name": "Example App"},
        "organization": {"name": "Example Ltd"},
        "user": {"name": "Ada", "primaryEmail": "ada@example.com"},
        "inviter": {"name": "Grace", "primaryEmail": "grace@example.com"},
    },
    "zh": {
        "application": {"name": "示例应用"},
        "organization": {"name": "示例公司"},
        "user": {"name": "小明", "primaryEmail": "xiaoming@example.com"},
        "inviter": {"name": "小红", "primaryEmail": "xiaohong@example.com"},
    },
}


def sample(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return sample data that suits a template's usage, its language, and its own variables."""
    usage, locale = str(template.get("usageType", "")), str(template.get("locale", ""))
    base = locale.partition("-")[0].lower()
    known = {**_COMMON, **_PEOPLE.get(base, _PEOPLE["en"])}
    usual = given(usage) or tuple(known)
    wanted = {key: value for key, value in known.items() if key in usual}
    if usage != INVITATION and "link" not in _roots(template):
        wanted.pop("link", None)
    made: dict[str, Any] = json.loads(json.dumps(wanted))
    if locale:
        made["locale"] = locale
    for key in _TEXTS:
        for name in _names(_nodes(template.get(key))):
            _fill(made, name.split("."))
    return made


def written(payload: Mapping[str, Any]) -> str:
    """Return sample data as the text of an input."""
    return json.dumps(payload, ensure_ascii=False, indent=2)


def _roots(template: Mapping[str, Any]) -> set[str]:
    return {
        name.partition(".")[0]
        for key in _TEXTS
        for name in (*_names(_nodes(template.get(key))), *_tests(_nodes(template.get(key))))
    }


def _nodes(text: Any) -> tuple[Node, ...]:
    if not isinstance(text, str):
        return ()
    try:
        return parse(text)
    except Invalid:
        return ()


def _names(nodes: tuple[Node, ...]) -> Iterator[str]:
    """Yield the variables that have to have a value: those within sections are for others."""
    return (node.name for node in nodes if isinstance(node, Variable) and node.name != ".")


def _tests(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, Section):
            yield node.test.name
            yield from _tests(node.nodes)


def _fill(made: dict[str, Any], path: list[str]) -> None:
    inside: Any = made
    for step in path[:-1]:
        inside = inside.setdefault(step, {})
        if not isinstance(inside, dict):
            return
    inside.setdefault(path[-1], path[-1])
