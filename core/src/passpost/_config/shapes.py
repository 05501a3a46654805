"""Which types a setting may have, and what each takes from JSON."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Final, Literal

import attrs

from passpost._config.settings import Settings
from passpost._messages.addresses import Address
from passpost._secret import Secret


class Shape(Enum):
    """What kind of type a setting has."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NULL = "null"
    SECRET = "a secret text"  # noqa: S105 - the words of a message
    ADDRESS = "a mail address"
    OWN = "a text of its own form"
    """A class with ``from_setting``."""
    CHOICE = "one of its choices"
    LIST = "a list"
    MAPPING = "an object with any keys"
    OBJECT = "an object"
    SETTINGS = "an object to be parsed later"
    UNION = "one of several"


_PLAIN: Final[Mapping[Any, Shape]] = {
    str: Shape.TEXT,
    int: Shape.WHOLE,
    float: Shape.NUMBER,
    bool: Shape.BOOLEAN,
    type(None): Shape.NULL,
    Secret: Shape.SECRET,
    Address: Shape.ADDRESS,
    Settings: Shape.SETTINGS,
}

_ORIGINS: Final[Mapping[Any, Shape]] = {
    Literal: Shape.CHOICE,
    tuple: Shape.LIST,
    Mapping: Shape.MAPPING,
    typing.Union: Shape.UNION,
    types.UnionType: Shape.UNION,
}

_TAKES: Final[Mapping[Shape, tuple[type[Any], ...]]] = {
    Shape.WHOLE: (int, float),
    Shape.NUMBER: (int, float),
    Shape.BOOLEAN: (bool,),
    Shape.NULL: (type(None),),
    Shape.LIST: (list, tuple),
    Shape.MAPPING: (Mapping,),
    Shape.OBJECT: (Mapping,),
    Shape.SETTINGS: (Mapping,),
}


@cache
def shape_of(type_: Any) -> Shape:
    """Say what kind of type a setting has.

    Raises:
        TypeError: No setting can have the type.
    """
    if type_ in _PLAIN:
        return _PLAIN[type_]
    if hasattr(type_, "from_setting"):
        # A form hides it and a schema calls it a password, whatever its own form is.
        return Shape.SECRET if issubclass(type_, Secret) else Shape.OWN
    if isinstance(type_, type) and attrs.has(type_):
        return Shape.OBJECT
    shape = _ORIGINS.get(typing.get_origin(type_))
    if shape is None or not _sound(shape, typing.get_args(type_)):
        raise TypeError(f"{type_!r} is no type that a setting can have")
    return shape


def takes(type_: Any, value: Any) -> bool:
    """Say whether a type of a union is meant for a value, going by the value's JSON type alone."""
    # JSON's true is a bool, which Python calls an int as well.
    wanted = _TAKES.get(shape_of(type_), (str,))
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def members(type_: Any) -> tuple[Any, ...]:
    """Give the types of a union other than None."""
    return tuple(member for member in typing.get_args(type_) if member is not type(None))


def item_type(type_: Any) -> Any:
    """Give the type of a list's items or of a mapping's values."""
    args = typing.get_args(type_)
    return args[0] if shape_of(type_) is Shape.LIST else args[1]


def _sound(shape: Shape, args: tuple[Any, ...]) -> bool:
    """Say whether a generic type is one that settings can fill, and so are the types within."""
    if shape is Shape.CHOICE:
        return True
    if shape is Shape.LIST:
        return args[1:] == (...,) and bool(shape_of(args[0]))
    if shape is Shape.MAPPING:
        return args[0] is str and bool(shape_of(args[1]))
    return all(bool(shape_of(member)) for member in args)
