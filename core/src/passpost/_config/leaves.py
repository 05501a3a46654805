"""One value of the settings on its way into a config, and the hooks of types with one value."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

import attrs
from cattrs import BaseConverter

from passpost._config.fields import Options, Shape, shape_of
from passpost._config.references import Referenced, Unresolved, revealed
from passpost._config.values import is_placeholder
from passpost._messages.addresses import Address
from passpost._paths import Path, named
from passpost._phrases import _, said
from passpost._problems import Invalid
from passpost._secret import Secret
from passpost._text import refused_in_body, refused_in_line
from passpost._wording import did_you_mean, kind_of, listed, nearest

if typing.TYPE_CHECKING:
    from passpost._config.reading import Reading

CONVERTER: Final = BaseConverter(detailed_validation=False)
"""Turns nodes into values; hooks report what is wrong and go on, so that everything is found."""

INVALID: Final[Any] = object()
"""What a hook returns for an unusable value, once it has reported what is wrong."""

ABSENT: Final[Any] = object()
"""Stands for a setting that is not written."""

WHOLE: Final = re.compile(r"-?[0-9]{1,308}")
NUMBER: Final = re.compile(r"-?[0-9]{1,308}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

# An error that repeats less of a value than this reveals nothing that matters.
_TELLTALE: Final = 4

_CHARACTERS: Final = _("characters")

_JSON: Final = (str, int, float, list, tuple, dict, type(None))

_HookT = TypeVar("_HookT", bound=Callable[["Node", Any], Any])


@attrs.define(eq=False, repr=False)
class Node:
    """A value with all that its type's hook needs to know.

    Attributes:
        value: The value as written.
        path: Its path, relative to the settings.
        options: The metadata of its field.
        reading: Collects problems and warnings.
        placeholders: Whether a text in angle brackets counts as not filled in.
        seen: Whether its result was looked at: the hook of a union calls another hook.
    """

    value: Any
    path: Path
    options: Options
    reading: Reading
    placeholders: bool = True
    seen: bool = False

    def fault(
        self, code: str | None, message: str, remedy: str = "", *, offset: int | None = None
    ) -> Any:
        """Report what is wrong with the value, and return `INVALID` for the hook to return."""
        settings = self.reading.settings
        problem = settings.problem(self.path, message, remedy, offset=offset, code=code)
        self.reading.found.append((0, problem))
        return INVALID

    def mistyped(self, wanted: str, remedy: str = "") -> Any:
        """Report that the value has another type than the setting, and return `INVALID`."""
        return self.fault(
            "E103",
            _("must be {type}, not {kind}", type=wanted, kind=kind_of(self.value)),
            remedy,
        )

    def invalid(self, error: Invalid) -> Any:
        """Report what a type or rule of the config says of the value, and return `INVALID`."""
        return self.fault(error.code, error.message, error.remedy, offset=error.offset)

    def inner(self, step: str | int, value: Any, options: Options) -> Node:
        """Return the node of a value within this one."""
        shows = self.placeholders and options.placeholders
        return Node(value, (*self.path, step), options, self.reading, shows)

    def __iter__(self) -> Iterator[Node]:
        """Return the nodes of a list's items."""
        options = self.options.of_items
        return (self.inner(index, value, options) for index, value in enumerate(self.value))


def hook(target: type[Any] | Shape) -> Callable[[_HookT], _HookT]:
    """Register a function as cattrs' hook of a type, or of every type of a shape."""

    def register(function: _HookT) -> _HookT:
        if isinstance(target, Shape):
            CONVERTER.register_structure_hook_func(has_shape(target), guarded(function))
        else:
            CONVERTER.register_structure_hook(target, guarded(function))
        return function

    return register


def has_shape(shape: Shape) -> Callable[[Any], bool]:
    """Return a predicate on types, as cattrs asks for it."""
    return lambda type_: shape_of(type_) is shape


def guarded(function: Callable[[Node, Any], Any]) -> Callable[[Node, Any], Any]:
    """Return a hook that does what all hooks do before and after their own."""

    def structure(node: Node, type_: Any) -> Any:
        value = node.value
        if value is ABSENT or value is INVALID:
            return value
        if isinstance(value, Unresolved):
            # The same problem as before: a list of both shows it once.
            node.reading.found.append((0, value.problem))
            return INVALID
        if not isinstance(value, _JSON):
            node.value = revealed(value)
        # cattrs asks for the hook of a base class before it asks for the hook of a shape.
        made = (_own if hasattr(type_, "from_setting") else function)(node, type_)
        if isinstance(made, str | Secret | Address) and not node.seen:
            node.seen = True
            node.reading.look_at(made, node.path, placeholders=node.placeholders)
        return made

    return structure


def _of_text(function: Callable[[Node, Any, str], Any]) -> Callable[[Node, Any], Any]:
    """Return a hook of a type that is written as text, which the function is given."""

    def structure(node: Node, type_: Any) -> Any:
        if isinstance(node.value, str):
            return function(node, type_, str(node.value))
        quotable = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        remedy = _("put it in double quotes") if quotable else _("write text in double quotes")
        return node.mistyped(_("text"), remedy)

    return structure


@hook(str)
@_of_text
def _text(node: Node, _type: Any, text: str) -> Any:
    refused = refused_in_body(text) if node.options.multiline else refused_in_line(text)
    if refused:
        return node.fault("E106", _("{what} is not allowed here", what=refused), _("remove it"))
    if says := limit(node.options, len(text), _CHARACTERS):
        return node.fault(*says)
    fits = node.options.pattern is None or node.options.pattern.fullmatch(text)
    # A placeholder that a preset leaves to fill in has no format yet.
    if not fits and not (node.placeholders and is_placeholder(text)):
        example = node.options.example
        remedy = (
            "" if example is None else _("write it like {example}", example=named(str(example)))
        )
        return node.fault("E107", _("not in the expected format"), remedy)
    return _chosen(node, text, node.options.choices)


@hook(int)
@hook(float)
def _number(node: Node, type_: Any) -> Any:
    whole = type_ is int
    number = _as_whole(node.value) if whole else _as_float(node.value)
    if number is not None:
        return _in_range(node, number)
    wanted = _("a whole number") if whole else _("a number")
    # A text is of a type that a number may be written as.
    if isinstance(node.value, bool) or not isinstance(node.value, str | float | int):
        return node.mistyped(wanted, _("write digits"))
    # A text may be a secret in the wrong place, and is not shown.
    if isinstance(node.value, float) and math.isfinite(node.value):
        wanted = _("{wanted}, not {number}", wanted=wanted, number=node.value)
    return node.fault("E103", _("must be {type}", type=wanted), _("write digits"))


@hook(bool)
def _boolean(node: Node, _type: Any) -> Any:
    value = node.value
    if isinstance(value, bool):
        return value
    # The environment knows texts only.
    if isinstance(value, Referenced) and value in ("true", "false"):
        return value == "true"
    remedy = _("write `true` or `false`")
    if isinstance(value, str):
        remedy = _("write `true` or `false` without quotes")
    return node.mistyped(_("true or false"), remedy)


@hook(Shape.CHOICE)
def _choice(node: Node, type_: Any) -> Any:
    return _chosen(node, node.value, typing.get_args(type_))


@hook(Secret)
@_of_text
def _secret(node: Node, _type: Any, text: str) -> Any:
    if not text:
        remedy = _("write it, or refer to it: `${NAME}` or `${file:/path}`")
        return node.fault("E105", _("must not be empty"), remedy)
    # Which character, and where, would tell something of the secret.
    if refused_in_body(text) if node.options.multiline else refused_in_line(text):
        message = _("contains a control character or a line break, which is not allowed")
        return node.fault("E109", message, _("remove stray line breaks and tabs"))
    return Secret(text)


@hook(Address)
@_of_text
def _address(node: Node, _type: Any, text: str) -> Any:
    if is_placeholder(text) and refused_in_line(text) is None:
        return Address(text)
    try:
        return Address.parse(text)
    except ValueError as error:
        reason = said(error)
    remedy = _("write `name@example.com` or `Name <name@example.com>`")
    return node.fault("E110", _("not a valid email address: {reason}", reason=reason), remedy)


@hook(Shape.OWN)
@_of_text
def _own(node: Node, type_: Any, text: str) -> Any:
    try:
        return type_.from_setting(text)
    except Invalid as error:
        return node.invalid(error)
    except ValueError as error:
        return node.fault("E111", _harmless(said(error), text))


def limit(options: Options, size: float, counted: str = "") -> tuple[str, str, str] | None:
    """Return code, message and remedy of a number or length out of its limits; None within them."""
    low = options.minimum is not None and size < options.minimum
    low = low or (options.above is not None and size <= options.above)
    if not low and (options.maximum is None or size <= options.maximum):
        return None
    remedy = _("use {range}", range=_range_text(options))
    if unit := counted or options.unit:
        remedy = _("use {range} {unit}", range=_range_text(options), unit=unit)
    if not counted:
        return "E104", _("out of range"), remedy
    if size == 0:
        few = options.minimum == 1 and options.maximum is None
        return "E105", _("must not be empty"), _("add at least one") if few else remedy
    return "E105", _("too short") if low else _("too long"), remedy


def _range_text(options: Options) -> str:
    low, high = options.minimum, options.maximum
    if low is not None and high is not None:
        return _("{low} to {high}", low=low, high=high)
    words = []
    if low is not None:
        words.append(_("at least {number}", number=low))
    if options.above is not None:
        words.append(_("more than {number}", number=options.above))
    if high is not None:
        words.append(_("at most {number}", number=high))
    return words[0] if len(words) == 1 else _("{low} and {high}", low=words[0], high=words[1])


def _in_range(node: Node, number: float) -> Any:
    if says := limit(node.options, number):
        code, message, remedy = says
        # What a reference stands for is not shown: it may be a secret in the wrong place.
        shown = "" if isinstance(node.value, Referenced) else f"{number:.20g}"
        return node.fault(
            code,
            _("{shown} is {message}", shown=shown, message=message) if shown else message,
            remedy,
        )
    return _chosen(node, number, node.options.choices)


def _chosen(node: Node, value: Any, choices: Iterable[Any] | None) -> Any:
    """Return the choice that equals the value; true is not 1 here, nor is 1.0."""
    if choices is None:
        return value
    known = list(choices)
    wanted = str(value) if isinstance(value, str) else value
    for choice in known:
        if type(choice) is type(wanted) and choice == wanted:
            return choice
    first = f'"{known[0]}"' if isinstance(known[0], str) else known[0]
    example = _("for example, write `{first}`", first=first)
    if not isinstance(value, str):
        return node.fault(
            "E108",
            _("must be {choices}, not {kind}", choices=listed(known), kind=kind_of(value)),
            example,
        )
    near = nearest(value, [choice for choice in known if isinstance(choice, str)])
    return node.fault(
        "E108", _("must be {choices}", choices=listed(known)), did_you_mean(near, example)
    )


def _as_whole(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip(" \t\r\n")
        return int(text) if WHOLE.fullmatch(text) else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        value = value.strip(" \t\r\n")
        if not NUMBER.fullmatch(value):
            return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _harmless(says: str, text: str) -> str:
    """Return an error's words, unless they repeat the text: it may be a secret."""
    repeats = len(text) >= _TELLTALE and (text in says or repr(text)[1:-1] in says)
    return says if says and not repeats else _("not valid")
