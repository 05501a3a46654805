"""What to ask for, so that a connector's settings are complete."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from passpost import config
from passpost.errors import ConfigError
from passpost_tools.descriptions import FormField, form_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import passpost

Path = tuple[str, ...]

TEMPLATES: Final = "templates"

# What a connector that does not describe its settings calls its secrets.
_TELLING: Final = re.compile("pass|secret|token|key|credential", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"\$\{[^{}]*\}")
_UNSET: Final = frozenset({"E051", "E052", "E054", "E055"})
"""The codes of references to what may be set later."""

_WORDS: Final = {"true": True, "yes": True, "false": False, "no": False}
_DATA: Final = ("list", "mapping", "object")


@attrs.frozen
class Question:
    """One setting to ask for.

    Attributes:
        path: Where it is in the connector's settings.
        field: What the config class says of it; None if it says nothing.
        value: What the settings have now; None if there is nothing.
        required: Whether it must have a value.
    """

    path: Path
    field: FormField | None
    value: Any = None
    required: bool = False

    @property
    def name(self) -> str:
        """The path for people: ``auth.user``."""
        return ".".join(self.path)

    @property
    def placeholder(self) -> str | None:
        """The text in angle brackets that the answer replaces."""
        is_one = isinstance(self.value, str) and config.is_placeholder(self.value)
        return self.value if is_one else None

    @property
    def secret(self) -> bool:
        """Whether the answer must not be shown."""
        return is_secret(self.field, self.path[-1])


def is_secret(field: FormField | None, key: str) -> bool:
    """Return whether a setting holds a secret."""
    if field is None:
        return _TELLING.search(key) is not None
    return field.widget == "password"


def is_reference(value: Any) -> bool:
    """Return whether a value is read from the environment or a file."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def fields_of(info: passpost.ConnectorInfo, language: str) -> tuple[FormField, ...]:
    """Return the form of a connector's settings; nothing if it does not describe them."""
    cls = info.config_class
    return form_fields(cls, language) if attrs.has(cls) else ()


def questions(fields: Sequence[FormField], settings: Mapping[str, Any]) -> tuple[Question, ...]:
    """Return what to ask for: what the settings contain, and what they lack.

    Args:
        fields: The form of the connector's settings.
        settings: A preset, or the settings as they are. Templates are left out.
    """
    there = tuple(_within(fields, settings, ()))
    asked = {one.path[0] for one in there}
    lacking = (
        Question((field.key,), field, required=True)
        for field in fields
        if field.required and field.key not in asked and field.key != TEMPLATES
    )
    return (*there, *lacking)


def _within(
    fields: Sequence[FormField], settings: Mapping[str, Any], parent: Path
) -> Iterator[Question]:
    for key, value in settings.items():
        path = (*parent, key)
        field = field_at(fields, (key,))
        if path == (TEMPLATES,):
            continue
        if isinstance(value, dict):
            inner = inner_fields(field)
            if inner:
                yield from _within(inner, value, path)
        elif not isinstance(value, list):
            yield Question(path, field, value, field is not None and field.required)


def inner_fields(field: FormField | None) -> tuple[FormField, ...]:
    """Return the fields within a setting, of all its variants; the first of each name."""
    if field is None or field.widget in ("list", "mapping"):
        return ()
    found: dict[str, FormField] = {}
    for variant in field.variants:
        for one in variant.fields:
            found.setdefault(one.key, one)
    return tuple(found.values())


def field_at(fields: Sequence[FormField], path: Path) -> FormField | None:
    """Return what the config class says of a setting; None if it says nothing."""
    field = next((one for one in fields if one.key == path[0]), None)
    if field is None or len(path) == 1:
        return field
    return field_at(inner_fields(field), path[1:])


def value_of(answer: str, field: FormField | None) -> Any:
    """Return an answer as JSON data; what cannot be read as such stays text, for the parser."""
    widget = field.widget if field is not None else "text"
    if is_reference(answer):
        return answer
    if widget == "switch":
        return _WORDS.get(answer.lower(), answer)
    if widget == "number" or widget in _DATA:
        try:
            return json.loads(answer)
        except ValueError:
            return answer
    return answer


def with_value(settings: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return settings with another value at a path; None removes it."""
    first, *rest = path
    changed = dict(settings)
    if rest:
        inner = changed.get(first)
        inner = with_value(inner if isinstance(inner, dict) else {}, tuple(rest), value)
        # Nothing is left of an object without members.
        value = inner or None
    if value is None:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed


def value_at(settings: Any, path: Path) -> Any:
    """Return the value at a path; None if there is nothing."""
    for step in path:
        settings = settings.get(step) if isinstance(settings, dict) else None
    return settings


def secret_paths(
    fields: Sequence[FormField], settings: Mapping[str, Any], parent: Path = ()
) -> Iterator[Path]:
    """Yield where settings contain a secret itself, not a reference to it."""
    for key, value in settings.items():
        field = field_at(fields, (key,))
        if (*parent, key) == (TEMPLATES,):
            continue
        if isinstance(value, dict):
            yield from secret_paths(inner_fields(field), value, (*parent, key))
        elif is_secret(field, key) and isinstance(value, str) and not _is_open(value):
            yield (*parent, key)


def _is_open(value: str) -> bool:
    return is_reference(value) or config.is_placeholder(value)


def problems_of(
    host: passpost.Host, connector: str, settings: Mapping[str, Any]
) -> tuple[passpost.Problem, ...]:
    """Return the errors that the connector's own parser finds in its settings.

    A reference to what is not set yet is not an error here: it may be set later.
    """
    try:
        host.configure(connector, {**settings})
    except ConfigError as error:
        wrong = (one for one in error.problems if one.severity == "error")
        return tuple(one for one in wrong if one.code not in _UNSET)
    return ()


def is_unset(problem: passpost.Problem) -> bool:
    """Return whether a problem is a reference to what may be set later."""
    return problem.code in _UNSET


def new_problems(
    host: passpost.Host, connector: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[passpost.Problem, ...]:
    """Return the errors that an answer brings."""
    known = {(one.path, one.message) for one in problems_of(host, connector, before)}
    found = problems_of(host, connector, after)
    return tuple(one for one in found if (one.path, one.message) not in known)
