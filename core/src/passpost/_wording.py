"""Words that problems are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from passpost._paths import named

_LONGEST_NAME: Final = 64
"""Characters in a name that a suggestion is sought for: comparing longer ones takes too long."""


_OTHER_NAMES: Final = {"retries": "attempts", "maxretries": "attempts", "maxattempts": "attempts"}
"""What other programs call settings whose names are spelled otherwise, both without separators."""


def kind_of(value: Any) -> str:
    """Return the name of a value's JSON type."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return f"a value of type {type(value).__name__}"


# Booleans before numbers: Python's bool is an int.
_KINDS: Final[Mapping[type[Any], str]] = {
    bool: "true or false",
    str: "text",
    int: "a number",
    float: "a number",
    type(None): "null",
    list: "a list",
    tuple: "a list",
    Mapping: "an object",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, or None."""
    if len(word) > _LONGEST_NAME:
        return None
    by_shape = {_shape(name): name for name in known}
    shape = _shape(word)
    shape = shape if shape in by_shape else _OTHER_NAMES.get(shape, shape)
    if shape in by_shape:
        return by_shape[shape]
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes pay for it

    # Of two equally near names the first one sorted wins, so that messages never change by chance.
    close = get_close_matches(shape, sorted(by_shape), n=1, cutoff=0.65)
    return by_shape[close[0]] if close else None


def did_you_mean(suggestion: str | None, otherwise: str = "") -> str:
    """Return a suggestion as a remedy."""
    return otherwise if suggestion is None else f"did you mean {named(suggestion)}?"


def listed(names: Iterable[Any]) -> str:
    """Return choices one after the other, in backquotes: a, b or c."""
    *rest, last = [named(str(name)) for name in names]
    return f"{', '.join(rest)} or {last}" if rest else last


def _shape(name: str) -> str:
    """Return what all spellings share: ``from_email``, ``From-Email`` and ``fromEmail``."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()
