"""Hooks of the types that hold other values: lists, mappings, unions, and settings for later."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from passpost._config.leaves import limit
from passpost._config.node import INVALID, OBJECT, Node, hook, structure
from passpost._config.settings import Settings
from passpost._config.shapes import Shape, item_type, members, shape_of, takes
from passpost._paths import path_text
from passpost._problems import Invalid
from passpost._text import refused_in_line
from passpost._wording import kind_of


@hook(Shape.LIST)
def _list(node: Node, type_: Any) -> Any:
    if not isinstance(node.value, list | tuple):
        return node.fault(f"must be a list, not {kind_of(node.value)}", "write [ … ]")
    kind = item_type(type_)
    items = [structure(node.item(index, value), kind) for index, value in enumerate(node.value)]
    if says := limit(node.options, len(items), "items"):
        return node.fault(*says)
    return INVALID if any(item is INVALID for item in items) else tuple(items)


@hook(Shape.MAPPING)
def _mapping(node: Node, type_: Any) -> Any:
    if not isinstance(node.value, Mapping):
        return node.fault(f"must be an object, not {kind_of(node.value)}", OBJECT)
    kind = item_type(type_)
    made = {key: _entry(node, key, value, kind) for key, value in node.value.items()}
    if says := limit(node.options, len(made), "entries"):
        return node.fault(*says)
    invalid = any(value is INVALID for value in made.values())
    return INVALID if invalid else MappingProxyType(made)


def _entry(node: Node, key: Any, value: Any, kind: Any) -> Any:
    if not isinstance(key, str):
        node.key_fault(key, f"a key must be text, not {kind_of(key)}", "write text")
        return INVALID
    if refused := refused_in_line(key):
        node.key_fault(key, f"{refused} is not allowed in a key", "remove it")
        return INVALID
    return structure(node.item(key, value), kind)


@hook(Settings)
def _settings(node: Node, _type: Any) -> Any:
    if not isinstance(node.value, Mapping):
        return node.fault(f"must be an object, not {kind_of(node.value)}", OBJECT)
    return node.settings.sub(*node.path)


@hook(Shape.UNION)
def _union(node: Node, type_: Any) -> Any:
    kinds = members(type_)
    if node.value is None and type(None) in typing.get_args(type_):
        return None
    # With one type beside None there is no doubt what was meant, and its own hook says it best.
    meant = kinds if len(kinds) == 1 else [kind for kind in kinds if takes(kind, node.value)]
    if not meant:
        wanted = " or ".join(dict.fromkeys(shape_of(kind).value for kind in kinds))
        return node.fault(f"must be {wanted}, not {kind_of(node.value)}", f"write {wanted}")
    if len(meant) == 1:
        return structure(node, meant[0])
    return _picked(node, meant)


def _picked(node: Node, meant: Sequence[Any]) -> Any:
    choose = node.options.choose
    if choose is None:
        raise TypeError(f"{path_text(node.path)}: a union of types that look alike needs `choose`")
    try:
        picked = choose(node.value)
    except Invalid as error:
        return node.fault(error.message, error.remedy)
    if picked not in meant:
        raise TypeError(f"{path_text(node.path)}: `choose` gave {picked!r}, which is no choice")
    return structure(node, picked)
