"""The hook of config classes: keys, required settings, defaults, and the rules between fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from passpost._config.fields import ConfigField, Rule, config_fields, rules
from passpost._config.node import INVALID, OBJECT, Node, hook, structure
from passpost._config.shapes import Shape
from passpost._paths import quoted
from passpost._problems import Invalid, Problem
from passpost._wording import did_you_mean, kind_of, nearest

SCHEMA_KEY: Final = "$schema"
"""A key that editors look for at the top of a file; it means nothing to passpost."""

_MAX_SUGGESTIONS: Final = 20
"""Unknown keys of one object that a suggestion is sought for; it takes a while."""

_FEW: Final = 6
_NAME: Final = re.compile(r"[$A-Za-z][A-Za-z]*(?:[ ._-][A-Za-z]+)*")
_ABSENT: Final[Any] = object()


@hook(Shape.OBJECT)
def _object(node: Node, cls: type[Any]) -> Any:
    if not isinstance(node.value, Mapping):
        return node.fault(f"must be an object, not {kind_of(node.value)}", OBJECT)
    fields = config_fields(cls)
    # What a misspelt key meant is there, though it cannot be used: it is not missing besides.
    meant = _unknown_keys(node, [field.key for field in fields])
    made = {field.name: _member(node, field, meant) for field in fields}
    invalid = {name for name, value in made.items() if value is INVALID}
    values = {
        name: value for name, value in made.items() if name not in invalid and value is not _ABSENT
    }
    return _instance(node, cls, values, invalid)


def run_rule(
    cls: type[Any], names: Collection[str], method: Rule, instance: Any
) -> Iterator[Problem]:
    """Run one rule of a config class; what it raises as `Invalid` becomes a problem too."""
    try:
        yield from method(instance)
    except Invalid as error:
        keys = [field.key for field in config_fields(cls) if field.name in names]
        yield Problem(keys[0] if len(keys) == 1 else "", error.message, error.remedy)


def _unknown_keys(node: Node, known: list[str]) -> set[str]:
    """Report the keys that the class does not have; give the keys that they were meant to be."""
    unknown = [key for key in node.value if key not in known and not _for_editors(node, key)]
    meant = set()
    for number, key in enumerate(unknown):
        sought = isinstance(key, str) and number < _MAX_SUGGESTIONS
        suggestion = nearest(key, known) if sought else None
        if suggestion is not None and suggestion not in node.value:
            meant.add(suggestion)
        advice = did_you_mean(suggestion, _instead(known))
        node.key_fault(
            key, "is no setting here", advice, cut=sought and not suggestion and _is_odd(key)
        )
    return meant


def _is_odd(key: str) -> bool:
    """Say whether a key is like no setting's name: perhaps a password in the wrong place."""
    return _NAME.fullmatch(key) is None


def _instead(known: list[str]) -> str:
    if not known or len(known) > _FEW:
        return "remove it"
    return f"remove it; known are {', '.join(quoted(key) for key in known)}"


def _for_editors(node: Node, key: object) -> bool:
    return key == SCHEMA_KEY and not node.path and not node.settings.prefix


def _member(node: Node, field: ConfigField, meant: Collection[str]) -> Any:
    value = node.value.get(field.key, _ABSENT)
    if value is not _ABSENT and (value is not None or field.required):
        return structure(node.member(field), field.type)
    if field.key in meant:
        return INVALID
    if not field.required:
        return _ABSENT
    missing = node.settings.problem((*node.path, field.key), "is required and missing", "add it")
    node.problems.append(missing)
    return INVALID


def _instance(node: Node, cls: type[Any], values: dict[str, Any], invalid: set[str]) -> Any:
    """Make the instance and run its rules, or those rules whose fields are valid."""
    instance = _partial(cls, values, invalid) if invalid else _whole(node, cls, values)
    if instance is INVALID:
        return INVALID
    found = [
        problem
        for names, method in rules(cls)
        if not names & invalid
        for problem in node.relay(_run(cls, names, method, instance, invalid))
    ]
    refused = invalid or any(problem.severity == "error" for problem in found)
    return INVALID if refused else instance


def _whole(node: Node, cls: type[Any], values: dict[str, Any]) -> Any:
    arguments = {
        field.argument: values[field.name] for field in config_fields(cls) if field.name in values
    }
    try:
        return cls(**arguments)
    except Invalid as error:
        return node.fault(error.message, error.remedy)
    except (ValueError, TypeError) as error:
        # What a validator says quotes values, which may be secrets; its kind has to do.
        return node.fault(f"is refused by {cls.__name__} ({type(error).__name__})", "look it up")


def _partial(cls: type[Any], values: dict[str, Any], invalid: set[str]) -> Any:
    """Make an instance that lacks its invalid fields, and defaults that depend on fields."""
    absent = [field for field in config_fields(cls) if field.name not in (*values, *invalid)]
    invalid.update(field.name for field in absent if field.depends)
    defaults = {field.name: field.default_value() for field in absent if not field.depends}
    instance: Any = object.__new__(cls)
    for name, value in (values | defaults).items():
        object.__setattr__(instance, name, value)
    return instance


def _run(
    cls: type[Any], names: Collection[str], method: Rule, instance: Any, invalid: set[str]
) -> Iterator[Problem]:
    try:
        yield from run_rule(cls, names, method, instance)
    except AttributeError as error:
        # The rule looks at a field that it does not name, and that field is not there.
        if error.obj is not instance or error.name not in invalid:
            raise
