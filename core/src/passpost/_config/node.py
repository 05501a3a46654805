"""One value of the settings on its way to becoming a part of a config."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

import attrs
from cattrs import BaseConverter

from passpost._config.references import Unresolved, revealed
from passpost._config.shapes import Shape, shape_of
from passpost._paths import Path, joined, path_text

if TYPE_CHECKING:
    from passpost._config.fields import ConfigField, Options
    from passpost._config.settings import Settings
    from passpost._problems import Problem

INVALID: Final[Any] = object()
"""What a hook gives where the value cannot be used; what is wrong with it has been reported."""

OBJECT: Final = "write { … }"
"""The remedy where an object belongs."""

Hook = Callable[["Node", Any], Any]

_HookT = TypeVar("_HookT", bound=Hook)

_CONVERTER: Final = BaseConverter()

_JSON: Final = (str, int, float, list, tuple, dict, type(None))


class FromSetting(Protocol):
    """A type with a form of its own, which it reads from text."""

    @classmethod
    def from_setting(cls, value: str) -> Self:
        """Make an instance of a text as written, or raise `Invalid`."""
        ...


@attrs.frozen(repr=False)
class Node:
    """A value with all that its type's hook needs to know.

    Hooks report what is wrong here instead of raising it, so that everything comes in one pass.

    Attributes:
        value: The value as written.
        path: Where it stands, relative to the settings.
        options: What the metadata of its field says.
        settings: The settings as a whole.
        problems: What was found so far.
        placeholders: Whether a text in angle brackets counts as not filled in.
    """

    value: Any
    path: Path
    options: Options
    settings: Settings
    problems: list[Problem]
    placeholders: bool = True

    def fault(self, message: str, remedy: str = "", *, offset: int | None = None) -> Any:
        """Report what is wrong with the value, and give `INVALID` for the hook to return."""
        self.problems.append(self.settings.problem(self.path, message, remedy, offset=offset))
        return INVALID

    def warn(self, message: str, remedy: str = "") -> None:
        """Report what is unlikely to be meant."""
        self.problems.append(self.settings.problem(self.path, message, remedy, severity="warning"))

    def key_fault(self, key: str, message: str, remedy: str, *, cut: bool = False) -> None:
        """Report what is wrong with a key of this object; `cut` shows its first character only."""
        problem = self.settings.problem((*self.path, key), message, remedy, key=True)
        if cut:
            full = path_text((*self.settings.prefix, *self.path, f"{key[:1]}…"))
            problem = attrs.evolve(problem, path=full)
        self.problems.append(problem)

    def relay(self, problems: Iterable[Problem]) -> list[Problem]:
        """Report problems whose paths are relative to this value; give them as they were."""
        found = list(problems)
        prefix = path_text(self.path)
        placed = [attrs.evolve(problem, path=joined(prefix, problem.path)) for problem in found]
        self.problems.extend(self.settings.placed(placed))
        return found

    def member(self, field: ConfigField) -> Node:
        """Give the node of one of an object's settings."""
        return attrs.evolve(
            self,
            value=self.value[field.key],
            path=(*self.path, field.key),
            options=field.options,
            placeholders=self.placeholders and field.options.placeholders,
        )

    def item(self, step: str | int, value: Any) -> Node:
        """Give the node of a list's item or a mapping's value; limits of length are the whole's."""
        options = attrs.evolve(self.options, minimum=None, above=None, maximum=None)
        return attrs.evolve(self, value=value, path=(*self.path, step), options=options)


def structure(node: Node, type_: Any) -> Any:
    """Make of a value what its type says, or report why that cannot be."""
    if isinstance(node.value, Unresolved):
        # The same problem as before: whoever lists both says it once.
        node.problems.append(node.value.problem)
        return INVALID
    if not isinstance(node.value, _JSON):
        node = attrs.evolve(node, value=revealed(node.value))
    return _hook_of(type_)(node, type_)


def hook(*targets: type[Any] | Shape) -> Callable[[_HookT], _HookT]:
    """Register a function as the hook of types, or of every type of a shape."""

    def register(function: _HookT) -> _HookT:
        for target in targets:
            if isinstance(target, Shape):
                _CONVERTER.register_structure_hook_func(_has_shape(target), function)
            else:
                _CONVERTER.register_structure_hook(target, function)
        return function

    return register


@cache
def _hook_of(type_: Any) -> Hook:
    if hasattr(type_, "from_setting"):
        # cattrs asks base classes before shapes: a subclass of str would count as a str.
        _CONVERTER.register_structure_hook(type_, _CONVERTER.get_structure_hook(FromSetting))
    return _CONVERTER.get_structure_hook(type_)


def _has_shape(shape: Shape) -> Callable[[Any], bool]:
    return lambda type_: shape_of(type_) is shape
