"""How the attributes of a config class are described, which types they have, and their rules."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

import attrs

from passpost._config.settings import Settings
from passpost._messages.addresses import Address
from passpost._phrases import _
from passpost._problems import Problem
from passpost._secret import Secret

Texts = Mapping[str, str]
"""A text by language (BCP 47 tag); English (``en``) is always there."""

Rule = Callable[[Any], Iterable[Problem]]

_RuleT = TypeVar("_RuleT", bound=Rule)

_NO_TEXTS: Final[Texts] = MappingProxyType({})
_METADATA: Final = "passpost"
_RULE: Final = "__passpost_rule__"


class ConfigClassError(TypeError):
    """A config class is written wrongly; the text is for its author, and quotes no setting."""


@attrs.frozen(kw_only=True)
class Options:
    """What a field's metadata says of it; see `field` for the meaning of each."""

    key: str | None = None
    title: Texts = _NO_TEXTS
    description: Texts = _NO_TEXTS
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    pattern: re.Pattern[str] | None = None
    choices: tuple[Any, ...] | None = None
    example: Any = None
    unit: str | None = None
    multiline: bool = False
    placeholders: bool = True
    deprecated: bool = False
    choose: Callable[[Any], Any] | None = None

    @cached_property
    def of_items(self) -> Options:
        """The same for the items of a list or mapping: limits of length are the whole's."""
        return attrs.evolve(self, minimum=None, above=None, maximum=None)


NO_OPTIONS: Final = Options()

# attrs declares its class as a function, so that types of defaults are inferred.
_FACTORY: Final[Any] = attrs.Factory


@attrs.frozen
class ConfigField:
    """One setting of a config class.

    Attributes:
        name: The attribute's name.
        argument: Its name as an argument of the class.
        key: Its key in settings.
        type: Its type.
        options: What its metadata says.
        default: Its default as attrs has it: a value, a factory, or ``attrs.NOTHING``.
    """

    name: str
    argument: str
    key: str
    type: Any
    options: Options
    default: Any

    @property
    def required(self) -> bool:
        """Whether settings must name it."""
        return self.default is attrs.NOTHING

    @property
    def depends(self) -> bool:
        """Whether its default is made of other fields."""
        return isinstance(self.default, _FACTORY) and self.default.takes_self

    def default_value(self) -> Any:
        """Return a default that depends on no other field, made again where a factory makes it."""
        return self.default.factory() if isinstance(self.default, _FACTORY) else self.default


def field(  # noqa: PLR0913 - each is one fact of a setting; all are optional
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    converter: Callable[[Any], Any] | None = None,
    validator: Callable[[Any, Any, Any], Any] | None = None,
    repr: bool = True,  # noqa: A002 - as attrs names it
    key: str | None = None,
    title: Texts = _NO_TEXTS,
    description: Texts = _NO_TEXTS,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    choices: Iterable[Any] | None = None,
    example: Any = None,
    unit: str | None = None,
    multiline: bool = False,
    placeholders: bool = True,
    deprecated: bool = False,
    choose: Callable[[Any], Any] | None = None,
) -> Any:
    """Describe one setting of a config class: an `attrs.field` that knows its key and its limits.

    ::

        @attrs.frozen(kw_only=True)
        class AcmeConfig(ConnectorConfig):
            api_key: Secret = field(title={"en": "API key"})
            timeout: int = field(default=10, minimum=1, maximum=600, unit="s")

    Args:
        default: The value where settings do not name the key; without one (and without `factory`)
            the setting is required.
        factory: Makes the default.
        converter: As in attrs; `parse` hands it values that have the field's type.
        validator: As in attrs, for instances that are made without `parse`.
        repr: As in attrs.
        key: The key in settings; by default the attribute's name in camelCase.
        title: A short name by language.
        description: What it means, by language: one or two sentences.
        minimum: The least number, or the least length of a text, list or mapping.
        above: A number that the value must exceed.
        maximum: The greatest number, or the greatest length.
        pattern: A regular expression that the whole text must match.
        choices: The only values allowed, where a ``Literal`` type cannot say so.
        example: A value that a guide and an editor may show.
        unit: What a number counts: ``ms``, ``s``, ``bytes``.
        multiline: Whether a text may hold line ends.
        placeholders: Whether ``< a text like this >`` counts as not filled in yet.
        deprecated: Whether another setting is preferred; editors mark it.
        choose: Given the value as written, returns one of the types of a union.
    """
    options = Options(
        key=key,
        title=title,
        description=description,
        minimum=minimum,
        above=above,
        maximum=maximum,
        pattern=None if pattern is None else re.compile(pattern),
        choices=None if choices is None else tuple(choices),
        example=example,
        unit=unit,
        multiline=multiline,
        placeholders=placeholders,
        deprecated=deprecated,
        choose=choose,
    )
    made: Any = attrs.field(
        default=default,
        factory=factory,
        converter=converter,
        validator=validator,
        repr=repr,
        metadata={_METADATA: options},
    )
    return made


def rule(*names: str) -> Callable[[_RuleT], _RuleT]:
    """Make a method of a config class a rule: a generator of problems between its fields.

    It runs if all the fields that it names are valid, even if others are not, so that every
    problem is found at once; then it must not look at the others. Paths are relative to the class::

        @rule("secure", "port")
        def _implicit_tls(self) -> Iterator[Problem]:
            if self.secure and self.port == 587:
                yield Problem("secure", "port 587 begins unencrypted", "write `false`", "warning")

    Args:
        names: The attributes that it looks at.
    """

    def mark(method: _RuleT) -> _RuleT:
        setattr(method, _RULE, names)
        return method

    return mark


def config_fields(cls: type[Any]) -> tuple[ConfigField, ...]:
    """Return the settings of a config class: its own first, then those of its bases.

    Raises:
        TypeError: The class is not an attrs class, or a field has a type that no setting can have,
            or one that is missing at run time.
    """
    # mypy takes no class for hashable.
    hashable: Any = cls
    return _config_fields(hashable)


def rules(cls: type[Any]) -> tuple[tuple[frozenset[str], Rule], ...]:
    """Return the rules of a config class and its bases, each with the attributes it looks at.

    Raises:
        TypeError: A rule names an attribute that the class does not have.
    """
    hashable: Any = cls
    return _rules(hashable)


@cache
def _config_fields(cls: Any) -> tuple[ConfigField, ...]:
    types = _types(cls)
    attributes = sorted(attrs.fields(cls), key=lambda attribute: attribute.inherited)
    return tuple(
        _config_field(cls, attribute, types[attribute.name])
        for attribute in attributes
        if attribute.init
    )


@cache
def _rules(cls: Any) -> tuple[tuple[frozenset[str], Rule], ...]:
    methods = {
        name: method
        for base in reversed(cls.__mro__)
        for name, method in vars(base).items()
        if hasattr(method, _RULE)
    }
    known = {field.name for field in config_fields(cls)}
    for name, method in methods.items():
        if unknown := set(getattr(method, _RULE)) - known:
            raise ConfigClassError(
                f"{cls.__name__}.{name} is a rule on {unknown}, which are not fields"
            )
    return tuple((frozenset(getattr(method, _RULE)), method) for method in methods.values())


def _config_field(cls: type[Any], attribute: attrs.Attribute[Any], type_: Any) -> ConfigField:
    try:
        shape_of(type_)
    except TypeError as error:
        raise ConfigClassError(f"{cls.__qualname__}.{attribute.name}: {error}") from error
    options: Options = attribute.metadata.get(_METADATA, NO_OPTIONS)
    return ConfigField(
        name=attribute.name,
        argument=attribute.alias or attribute.name,
        key=options.key or _camel_case(attribute.name),
        type=type_,
        options=options,
        default=attribute.default,
    )


def _types(cls: type[Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise ConfigClassError(
            f"a type of {cls.__qualname__} is missing at run time: {error}; import it outside of "
            "TYPE_CHECKING"
        ) from error


def _camel_case(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


class Shape(Enum):
    """What kind of type a setting has."""

    TEXT = _("text")
    WHOLE = _("a whole number")
    NUMBER = _("a number")
    BOOLEAN = _("true or false")
    NULL = "null"
    SECRET = _("a secret text")
    ADDRESS = _("an email address")
    OWN = _("a text of its own form")
    """A class with ``from_setting``."""
    CHOICE = _("one of its choices")
    LIST = _("a list")
    MAPPING = _("an object with any keys")
    OBJECT = _("an object")
    SETTINGS = _("an object to be parsed later")
    UNION = _("one of several")


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
    """Return what kind of type a setting has.

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
        raise TypeError(f"{type_!r} is not a type that a setting can have")
    return shape


def takes(type_: Any, value: Any) -> bool:
    """Return whether a type of a union is meant for a value, by the value's JSON type alone."""
    # JSON's true is a bool, which Python calls an int as well.
    wanted = _TAKES.get(shape_of(type_), (str,))
    return isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))


def members(type_: Any) -> tuple[Any, ...]:
    """Return the types of a union other than None."""
    return tuple(member for member in typing.get_args(type_) if member is not type(None))


def item_type(type_: Any) -> Any:
    """Return the type of a list's items or of a mapping's values."""
    args = typing.get_args(type_)
    return args[0] if shape_of(type_) is Shape.LIST else args[1]


def _sound(shape: Shape, args: tuple[Any, ...]) -> bool:
    """Return whether settings can fill a generic type, and the types within."""
    if shape is Shape.CHOICE:
        return True
    if shape is Shape.LIST:
        return args[1:] == (...,) and bool(shape_of(args[0]))
    if shape is Shape.MAPPING:
        return args[0] is str and bool(shape_of(args[1]))
    return all(bool(shape_of(member)) for member in args)
