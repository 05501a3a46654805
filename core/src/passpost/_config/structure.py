"""Settings to a config class, with every problem found in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

# Imported for the hooks that they register.
from passpost._config import containers, leaves, objects  # noqa: F401 - see above
from passpost._config.fields import Options
from passpost._config.jsonc import read
from passpost._config.node import INVALID, OBJECT, Node, structure
from passpost._config.settings import Settings
from passpost._frames import without_arguments
from passpost._problems import Problem
from passpost._wording import kind_of
from passpost.errors import ConfigError

_T = TypeVar("_T")

_NO_OPTIONS: Final = Options()


@without_arguments
def parse(cls: type[_T], settings: Mapping[str, Any] | str) -> _T:
    """Turn settings into a config class.

    Types are strict (a list is no text), except that numbers may be written as text; null counts as
    absent where there is a default; keys that the class does not have are refused.

    Args:
        cls: An attrs class whose fields have types that settings can have.
        settings: A mapping, or the text of a JSON object with comments.

    Returns:
        An instance of the class.

    Raises:
        ConfigError: With every problem at once, warnings included; none shows a value.
        TypeError: The class has a field that settings cannot fill.
    """
    read_in = settings_of(settings)
    problems: list[Problem] = []
    node = Node(read_in.data, (), _NO_OPTIONS, read_in, problems)
    made = structure(node, cls)
    if made is INVALID or any(problem.severity == "error" for problem in problems):
        raise ConfigError(problems)
    config: _T = made
    return config


def settings_of(settings: Mapping[str, Any] | str) -> Settings:
    """Give settings as such.

    Raises:
        ConfigError: They are no mapping, or their text cannot be read.
    """
    if isinstance(settings, str):
        return read(settings)
    if not isinstance(settings, Mapping):
        raise ConfigError([Problem("", f"settings are an object, not {kind_of(settings)}", OBJECT)])
    return Settings.of(settings)
