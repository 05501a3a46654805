"""Words that problems are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Final

from passpost._paths import named
from passpost._phrases import _

_LONGEST_NAME: Final = 64
"""Characters in a name that a suggestion is sought for: comparing longer ones takes too long."""


_OTHER_NAMES: Final = {"retries": "attempts", "maxretries": "attempts", "maxattempts": "attempts"}
"""What other programs call settings whose names are spelled otherwise, both without separators."""


def kind_of(value: Any) -> str:
    """Return the name of a value's JSON type."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return _("a value of type {kind}", kind=type(value).__name__)


# Booleans before numbers: Python's bool is an int.
_KINDS: Final[Mapping[type[Any], str]] = {
    bool: _("true or false"),
    str: _("text"),
    int: _("a number"),
    float: _("a number"),
    type(None): "null",
    list: _("a list"),
    tuple: _("a list"),
    Mapping: _("an object"),
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
    if suggestion is None:
        return otherwise
    return _("did you mean {suggestion}?", suggestion=named(suggestion))


def listed(names: Iterable[Any]) -> str:
    """Return choices one after the other, in backquotes: a, b or c."""
    *rest, last = [named(str(name)) for name in names]
    return _("{names} or {last}", names=enumerated(rest), last=last) if rest else last


def alternatives(words: Iterable[str]) -> str:
    """Return words with an "or" between them, each once."""
    first, *rest = dict.fromkeys(words)
    return reduce(lambda words, last: _("{words} or {last}", words=words, last=last), rest, first)


def enumerated(words: Iterable[str]) -> str:
    """Return words with commas between them."""
    return reduce(lambda words, last: _("{words}, {last}", words=words, last=last), words)


def chained(clauses: Iterable[str]) -> str:
    """Return clauses with semicolons between them."""
    return reduce(lambda clauses, last: _("{clauses}; {last}", clauses=clauses, last=last), clauses)


def in_pairs(words: Iterable[str]) -> str:
    """Return words with an "and" between them."""
    return reduce(lambda words, last: _("{words} and {last}", words=words, last=last), words)


def known(reason: str) -> str:
    """Return why the system could not do something, as a phrase if the reason is a common one."""
    return _REASONS.get(reason, reason)


_REASONS: Final[Mapping[str, str]] = {
    reason: reason
    for reason in (
        _("No such file or directory"),
        _("Permission denied"),
        _("Is a directory"),
        _("Not a directory"),
        _("No space left on device"),
        _("Read-only file system"),
        _("File name too long"),
        _("Operation not permitted"),
        _("File exists"),
        _("no such file or directory"),
        _("permission denied"),
        _("is a directory"),
        _("not a directory"),
        _("file name too long"),
    )
}


def _shape(name: str) -> str:
    """Return what all spellings share: ``from_email``, ``From-Email`` and ``fromEmail``."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()
