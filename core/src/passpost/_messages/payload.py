"""Payloads: the JSON data that templates draw on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from passpost._phrases import _
from passpost.errors import MessageError

MAX_DEPTH: Final = 32
"""Levels of nesting; deeper data is a mistake, or an attack on the code that walks it."""

MAX_VALUES: Final = 20_000
"""Values in all, those within lists and objects included."""

MAX_CHARACTERS: Final = 8 * 1024 * 1024
"""Characters of all texts and keys together."""

MAX_BITS: Final = 1024
"""Bits of a whole number, as many as the widest fraction has; Python writes out no endless ones."""

# Only such keys are repeated in an error; anything else may be a value that became a key.
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][\w-]{0,63}", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})

# The two that payloads are made of come first: asking an abstract class takes ten times as long.
_MAPPINGS: Final = (dict, MappingProxyType, Mapping)


# What a value takes of the characters: whichever is more of one can be fewer of the other.
_VALUE: Final = MAX_CHARACTERS // MAX_VALUES


def frozen_payload(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Copy a payload, so that later changes to the original reach no email.

    Raises:
        MessageError: A part of it is not JSON data, or it is too large; the error names the place,
            not the value.
    """
    if not isinstance(payload, _MAPPINGS):
        raise MessageError(_("the payload is a mapping with text keys"), field="payload")
    if not payload:
        return _EMPTY
    return MappingProxyType(_Copier().mapping(payload, "payload", 0))


class _Copier:
    """Copies one payload, of which each value may be there many times, or which may never end."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    def mapping(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if type(key) is str and type(item) is str and key.isascii() and item.isascii():
                # Nearly every item; nothing can be wrong with it, so its path is not needed.
                self._spend(_VALUE + len(key) + len(item))
                copy[key] = item
            elif isinstance(key, str):
                step = key if _PLAIN_KEY.fullmatch(key) else "…"
                self._spend(len(key))
                copy[_text(str.__str__(key), path)] = self._value(item, f"{path}.{step}", depth + 1)
            else:
                raise MessageError(_("{path} has a key that is not text", path=path), field=path)
        return copy

    def _value(self, value: Any, path: str, depth: int) -> Any:
        self._spend(_VALUE)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | int | float):
            self._spend(len(value) if isinstance(value, str) else 0)
            return _scalar(value, path)
        if depth > MAX_DEPTH:
            message = _("the payload is nested deeper than {max_depth} levels", max_depth=MAX_DEPTH)
            raise MessageError(message, field="payload")
        if isinstance(value, _MAPPINGS):
            return self.mapping(value, path, depth)
        if isinstance(value, list | tuple):
            items = enumerate(value)
            return [self._value(item, f"{path}[{index}]", depth + 1) for index, item in items]
        raise MessageError(
            _(
                "{path} is of type {kind}; a payload contains only JSON data: text, numbers, "
                "booleans, None, lists and mappings",
                path=path,
                kind=type(value).__name__,
            ),
            field=path,
        )

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise MessageError(
                _(
                    "the payload has more than {max_values} values or {max_characters} characters",
                    max_values=MAX_VALUES,
                    max_characters=MAX_CHARACTERS,
                ),
                field="payload",
            )


def _scalar(value: str | float, path: str) -> str | int | float:
    """Copy text and numbers; members of enumerations and other subclasses become what they are."""
    if isinstance(value, str):
        return _text(str.__str__(value), path)
    if isinstance(value, int):
        number = int.__int__(value)
        if number.bit_length() <= MAX_BITS:
            return number
    elif math.isfinite(value):
        return float.__float__(value)
    raise MessageError(_("{path} is not a finite number of ordinary size", path=path), field=path)


def _text(text: str, path: str) -> str:
    if _SURROGATE.search(text):
        raise MessageError(
            _("{path} has a lone surrogate, which is not a character", path=path), field=path
        )
    return text


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text and number in JSON data as text: none may appear in logs and errors."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, _MAPPINGS):
        for item in value.values():
            if type(item) is str:
                yield item
            else:
                yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
