"""Turns settings into a config class, and finds every problem in one pass.

cattrs goes through the settings: it picks the hook of each type and generates what asks an object
for its members. The hooks and the nodes that they are given are passpost's, because a problem needs
a path, a line and a column, and must not show a secret.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs
from cattrs import BaseConverter
from cattrs.gen import make_dict_structure_fn_from_attrs, override

from passpost._config.fields import (
    NO_OPTIONS,
    ConfigField,
    Shape,
    config_fields,
    item_type,
    members,
    shape_of,
    takes,
)
from passpost._config.jsonc import read
from passpost._config.leaves import (
    ABSENT,
    CONVERTER,
    INVALID,
    Node,
    guarded,
    has_shape,
    hook,
    limit,
)
from passpost._config.reading import Reading
from passpost._config.settings import Settings
from passpost._frames import without_arguments
from passpost._paths import named, path_text
from passpost._phrases import _
from passpost._problems import Invalid, Problem
from passpost._text import refused_in_line
from passpost._wording import alternatives, did_you_mean, enumerated, kind_of, nearest
from passpost.errors import ConfigError

_T = TypeVar("_T")

SCHEMA_KEY: Final = "$schema"
"""A key that editors look for at the top of a file; it means nothing to passpost."""

LINT_KEY: Final = "lint"
"""A key at the top of a file that ``passpost check`` reads; it means nothing to anyone else."""

TOOL_KEYS: Final = frozenset({SCHEMA_KEY, LINT_KEY})
"""The keys at the top of a file that any settings may have: sending does not look at them."""

_OBJECT: Final = _("write `{ … }`")
_ITEMS: Final = _("items")
_ENTRIES: Final = _("entries")

_MAX_SUGGESTIONS: Final = 20
"""Unknown keys of one object that get a suggestion: finding one takes a while."""

_FEW: Final = 6
_NAME: Final = re.compile(r"[$A-Za-z][A-Za-z]*(?:[ ._-][A-Za-z]+)*")


@without_arguments
def parse(cls: type[_T], settings: Mapping[str, Any] | str) -> _T:
    """Turn settings into a config class.

    Types are strict (a list is not text), except that numbers may be written as text. Null counts
    as absent where there is a default. Keys that the class does not have are rejected.

    Args:
        cls: An attrs class whose fields have types that settings can have.
        settings: A mapping, or the text of a JSON object with comments.

    Returns:
        An instance of the class.

    Raises:
        ConfigError: With every problem at once, warnings included; none shows a value.
        TypeError: The class has a field that settings cannot fill.
    """
    config: _T = structured(cls, settings_of(settings)).result()
    return config


def structured(cls: type[Any], settings: Settings) -> Reading:
    """Go through settings once, and return the config with everything that was found.

    Raises:
        TypeError: The class has a field that settings cannot fill.
    """
    settings.found = reading = Reading(settings)
    reading.config = CONVERTER.structure(Node(settings.data, (), NO_OPTIONS, reading), cls)
    return reading


def settings_of(settings: Mapping[str, Any] | str) -> Settings:
    """Return settings that know the places of their parts.

    Raises:
        ConfigError: They are not a mapping, or their text cannot be read.
    """
    if isinstance(settings, str):
        return read(settings)
    if not isinstance(settings, Mapping):
        raise ConfigError(
            [
                Problem(
                    "",
                    _("the settings must be an object, not {kind}", kind=kind_of(settings)),
                    code="E003",
                )
            ]
        )
    return Settings.of(settings)


@hook(Shape.LIST)
def _list(node: Node, type_: Any) -> Any:
    if not isinstance(node.value, list | tuple):
        return node.mistyped(_("a list"), _("write `[ … ]`"))
    kind = item_type(type_)
    items = tuple([CONVERTER.structure(item, kind) for item in node])
    if says := limit(node.options, len(items), _ITEMS):
        return node.fault(*says)
    return INVALID if any(item is INVALID for item in items) else items


@hook(Shape.MAPPING)
def _mapping(node: Node, type_: Any) -> Any:
    if not isinstance(node.value, Mapping):
        return node.mistyped(_("an object"), _OBJECT)
    kind = item_type(type_)
    made = {key: _entry(node, key, value, kind) for key, value in node.value.items()}
    if says := limit(node.options, len(made), _ENTRIES):
        return node.fault(*says)
    invalid = any(value is INVALID for value in made.values())
    return INVALID if invalid else MappingProxyType(made)


def _entry(node: Node, key: Any, value: Any, kind: Any) -> Any:
    if not isinstance(key, str):
        return _key_fault(node, key, "E113", _("a key must be text, not {kind}", kind=kind_of(key)))
    if refused := refused_in_line(key):
        return _key_fault(
            node,
            key,
            "E113",
            _("{what} is not allowed in a key", what=refused),
            _("remove it"),
        )
    return CONVERTER.structure(node.inner(key, value, node.options.of_items), kind)


@hook(Settings)
def _settings(node: Node, _type: Any) -> Any:
    if not isinstance(node.value, Mapping):
        return node.mistyped(_("an object"), _OBJECT)
    return node.reading.settings.sub(*node.path)


@hook(Shape.UNION)
def _union(node: Node, type_: Any) -> Any:
    kinds = members(type_)
    if node.value is None and type(None) in typing.get_args(type_):
        return None
    # With one type besides None there is no doubt what was meant, and its own hook says it best.
    meant = kinds if len(kinds) == 1 else [kind for kind in kinds if takes(kind, node.value)]
    if not meant:
        return node.mistyped(alternatives([shape_of(kind).value for kind in kinds]))
    picked = meant[0] if len(meant) == 1 else _picked(node, meant)
    return INVALID if picked is INVALID else CONVERTER.structure(node, picked)


def _picked(node: Node, meant: Sequence[Any]) -> Any:
    choose = node.options.choose
    if choose is None:
        raise TypeError(f"{path_text(node.path)}: a union of types that look alike needs `choose`")
    try:
        picked = choose(node.value)
    except Invalid as error:
        return node.invalid(error)
    if picked not in meant:
        raise TypeError(f"{path_text(node.path)}: `choose` returned {picked!r}, not a choice")
    return picked


@attrs.define(eq=False)
class _Members:
    """An object, which cattrs asks for the nodes of its members.

    Attributes:
        node: The object.
        fields: What it may have, by key.
        meant: The keys that unknown keys were meant to be.
    """

    node: Node
    fields: Mapping[str, ConfigField]
    meant: set[str]

    def __getitem__(self, key: str) -> Node:
        field = self.fields[key]
        value = self.node.value.get(key, ABSENT)
        if value is None and not field.required:
            value = ABSENT
        node = self.node.inner(key, value, field.options)
        if value is ABSENT and key in self.meant:
            # The setting that a misspelled key means is not missing, though it cannot be used.
            node.value = INVALID
        elif value is ABSENT and field.required:
            node.value = node.fault("E102", _("required"), _add(field))
        return node


@CONVERTER.register_structure_hook_factory(has_shape(Shape.OBJECT))
def _object(cls: type[Any], converter: BaseConverter) -> Callable[[Node, Any], Any]:
    fields = {field.key: field for field in config_fields(cls)}
    kinds = attrs.fields_dict(cls)
    # Without defaults, cattrs asks for each member, in the order of the class.
    asked = [
        kinds[field.name].evolve(type=field.type, default=attrs.NOTHING, kw_only=True)
        for field in fields.values()
    ]
    keys: Any = {field.name: override(rename=field.key) for field in fields.values()}
    structure_members: Any = make_dict_structure_fn_from_attrs(asked, dict, converter, **keys)

    def structure(node: Node, _type: Any) -> Any:
        if not isinstance(node.value, Mapping):
            return node.mistyped(_("an object"), _OBJECT)
        rank = node.reading.enter()
        meant = _unknown_keys(node, list(fields))
        made = structure_members(_Members(node, fields, meant), dict)
        return _instance(node, cls, made, rank)

    return guarded(structure)


def _add(field: ConfigField) -> str:
    import json  # noqa: PLC0415 - see jsonc

    example = field.options.example
    shown = json.dumps(example, ensure_ascii=False) if example is not None else _empty(field.type)
    if not shown:
        return _('add `"{key}"`', key=field.key)
    return _('add `"{key}": {example}`', key=field.key, example=shown)


def _empty(type_: Any) -> str:
    """Return what a setting looks like that nobody has given an example of; empty for a value."""
    if type_ is Settings:
        return "{ … }"
    return {Shape.OBJECT: "{ … }", Shape.MAPPING: "{ … }", Shape.LIST: "[ … ]"}.get(
        shape_of(type_), ""
    )


def _unknown_keys(node: Node, known: list[str]) -> set[str]:
    """Report the keys that the class does not have; return the keys that they were meant to be."""
    top = not node.path and not node.reading.settings.prefix
    unknown = [key for key in node.value if key not in known and not (top and key in TOOL_KEYS)]
    meant = set()
    for number, key in enumerate(unknown):
        sought = isinstance(key, str) and number < _MAX_SUGGESTIONS
        suggestion = nearest(key, known) if sought else None
        if suggestion is not None and suggestion not in node.value:
            meant.add(suggestion)
        advice = did_you_mean(suggestion, _instead(known))
        # A key that is unlike all names of settings may be a password in the wrong place.
        cut = sought and not suggestion and _NAME.fullmatch(key) is None
        _key_fault(node, key, "E101", _("unknown setting"), advice, cut=cut)
    return meant


def _instead(known: list[str]) -> str:
    if not known or len(known) > _FEW:
        return _("remove it")
    return _("remove it; known settings: {names}", names=enumerated(map(named, known)))


def _key_fault(  # noqa: PLR0913 - each is one fact of the problem
    node: Node, key: Any, code: str, message: str, remedy: str = "", *, cut: bool = False
) -> Any:
    """Report what is wrong with a key of an object; `cut` shows its first character only."""
    settings = node.reading.settings
    problem = settings.problem((*node.path, key), message, remedy, key=True, code=code)
    if cut:
        full = path_text((*settings.prefix, *node.path, f"{key[:1]}…"))
        problem = attrs.evolve(problem, path=full)
    node.reading.found.append((0, problem))
    return INVALID


def _instance(node: Node, cls: type[Any], made: dict[str, Any], rank: int) -> Any:
    """Make the instance and run its rules, or those rules whose fields are valid."""
    fields = config_fields(cls)
    absent = [field for field in fields if made[field.argument] is ABSENT]
    invalid = {field.name for field in fields if made[field.argument] is INVALID}
    valid = {name: value for name, value in made.items() if value is not ABSENT}
    instance = _partial(cls, valid, absent, invalid) if invalid else _whole(node, cls, valid)
    if instance is INVALID or not node.reading.run_rules(instance, node.path, rank, invalid):
        return INVALID
    if invalid:
        return INVALID
    for field in absent:
        shows = node.placeholders and field.options.placeholders
        inner = getattr(instance, field.name)
        node.reading.look_through(inner, (*node.path, field.key), placeholders=shows)
    node.reading.objects.append((node.path, instance))
    return instance


def _whole(node: Node, cls: type[Any], arguments: dict[str, Any]) -> Any:
    try:
        return cls(**arguments)
    except Invalid as error:
        return node.invalid(error)
    except (ValueError, TypeError) as error:
        # The words of a validator may quote values, which may be secrets; its kind has to do.
        return node.fault(
            "E112", _("rejected by {kind} ({kind2})", kind=cls.__name__, kind2=type(error).__name__)
        )


def _partial(
    cls: type[Any], made: dict[str, Any], absent: list[ConfigField], invalid: set[str]
) -> Any:
    """Make an instance that lacks its invalid fields, and defaults that depend on fields."""
    instance: Any = object.__new__(cls)
    for field in config_fields(cls):
        if field in absent and field.depends:
            invalid.add(field.name)
        elif field.name not in invalid:
            value = field.default_value() if field in absent else made[field.argument]
            object.__setattr__(instance, field.name, value)
    return instance
