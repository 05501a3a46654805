"""Finds the secrets of a config, and masks those of settings in a connector's own words."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final

import attrs

from passpost._config.fields import (
    ConfigField,
    Shape,
    config_fields,
    item_type,
    members,
    shape_of,
)
from passpost._config.references import Referenced
from passpost._config.settings import Settings
from passpost._paths import path_keys
from passpost._problems import Problem
from passpost._secret import Secret

if typing.TYPE_CHECKING:
    from passpost._redaction.redactor import Redactor

_HOLDS_NONE: Final = (str, bytes, int, float, type, ModuleType, FunctionType, Settings)
# A config has some dozens; one that contains the whole application is not searched to its end.
_MAX_SEEN: Final = 10_000

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
    from passpost._redaction.redactor import Redactor  # noqa: PLC0415 - only mistakes pay

    known = declared_keys(cls)
    redactor = Redactor(_secrets(settings, known))
    names = {*known, *_keys(settings)}
    return tuple(_cleared(problem, redactor, names) for problem in problems)


def _cleared(problem: Problem, redactor: Redactor, names: set[str]) -> Problem:
    path = problem.path
    if any(isinstance(step, str) and step not in names for step in path_keys(path)):
        path = redactor.clean(path)
    message, remedy = redactor.clean(problem.message), redactor.clean(problem.remedy)
    code = None if problem.code is None else redactor.clean(problem.code)
    return attrs.evolve(problem, path=path, message=message, remedy=remedy, code=code)


def declared_keys(cls: type[Any]) -> dict[str, bool]:
    """Return the keys of a class and the classes within, and whether each is ever a secret's."""
    known: dict[str, bool] = {}
    _collect_keys(cls, known)
    return known


def _collect_keys(type_: Any, known: dict[str, bool]) -> None:
    """Note what `declared_keys` returns."""
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


def secrets_in(config: Any) -> Iterator[str]:
    """Return the text of every secret in a config, to keep it out of logs.

    A config of another kind than attrs classes is looked through as well.
    """
    waiting = [config]
    seen: dict[int, Any] = {}
    while waiting and len(seen) < _MAX_SEEN:
        value = waiting.pop()
        if isinstance(value, Secret):
            yield value.reveal()
        elif not _holds_none(value) and id(value) not in seen:
            # Kept: an id is unique among objects that exist.
            seen[id(value)] = value
            waiting += _held(value)


def _holds_none(value: Any) -> bool:
    return isinstance(value, _HOLDS_NONE) or hasattr(type(value), "holds_no_secret")


def _held(value: Any) -> Iterator[Any]:
    """Return what an object contains, of whatever kind it is."""
    if isinstance(value, Mapping):
        yield from (each for item in value.items() for each in item)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        for member in vars(kind).values():
            # A slot, which may be empty.
            if isinstance(member, MemberDescriptorType):
                with suppress(AttributeError):
                    yield member.__get__(value)
