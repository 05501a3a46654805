"""Masks what is secret in settings where a connector's own words repeat it."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from passpost._config.fields import ConfigField, config_fields
from passpost._config.references import Referenced
from passpost._config.shapes import Shape, item_type, members, shape_of
from passpost._paths import path_keys
from passpost._problems import Problem
from passpost._redaction.redactor import Redactor

# What a connector that parses by hand calls its secrets, whose class does not say which they are.
_TELLING: Final = re.compile("pass|secret|token|key|credential|auth", re.IGNORECASE)


def cleared(
    problems: Iterable[Problem], cls: type[Any], settings: Mapping[str, Any]
) -> tuple[Problem, ...]:
    """Return problems without the secrets of the settings that they are about.

    Secret are the values of the class's `Secret` fields. Of settings that the class does not have,
    it is whatever came from a reference, and the values of keys that sound like a secret.

    Args:
        problems: The problems.
        cls: The config class.
        settings: The settings, with references replaced.
    """
    known: dict[str, bool] = {}
    _collect_keys(cls, known)
    redactor = Redactor(_secrets(settings, known))
    names = {*known, *_keys(settings)}
    return tuple(_cleared(problem, redactor, names) for problem in problems)


def _cleared(problem: Problem, redactor: Redactor, names: set[str]) -> Problem:
    path = problem.path
    if any(isinstance(step, str) and step not in names for step in path_keys(path)):
        path = redactor.clean(path)
    message, remedy = redactor.clean(problem.message), redactor.clean(problem.remedy)
    return attrs.evolve(problem, path=path, message=message, remedy=remedy)


def _collect_keys(type_: Any, known: dict[str, bool]) -> None:
    """Note the keys of a class and the classes within, and whether each is a secret's anywhere."""
    for one in _alternatives(type_):
        for field in _fields(one):
            secret = any(shape_of(kind) is Shape.SECRET for kind in _alternatives(field.type))
            first = field.key not in known
            known[field.key] = known.get(field.key, False) or secret
            if first:
                _collect_keys(field.type, known)


def _fields(type_: Any) -> tuple[ConfigField, ...]:
    try:
        return config_fields(type_) if shape_of(type_) is Shape.OBJECT else ()
    except TypeError:
        # A class of a connector that parses by hand may have fields of any type.
        return ()


def _alternatives(type_: Any) -> Iterator[Any]:
    """Return the types that a value may have, or its items."""
    if typing.get_origin(type_) is None:
        yield type_
        return
    shape = shape_of(type_)
    if shape is Shape.UNION:
        for member in members(type_):
            yield from _alternatives(member)
    elif shape in (Shape.LIST, Shape.MAPPING):
        yield from _alternatives(item_type(type_))


def _secrets(value: Any, known: Mapping[str, bool], *, secret: bool | None = None) -> Iterator[str]:
    """Return the secret texts within a value; `secret` is None where nobody knows."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            telling = True if secret or _TELLING.search(str(key)) else None
            yield from _secrets(item, known, secret=known.get(key, telling))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item, known, secret=secret)
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    elif secret or (secret is None and isinstance(value, Referenced)):
        yield str(value)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _keys(item)
