"""Looking at values of foreign classes, which may say of themselves what they are not.

A class can give its objects another ``__class__``, its texts another length, and itself a name that
cannot be read. What a plugin returned or raised is looked at as Python made it.
"""

from __future__ import annotations

from typing import Any, Final, TypeGuard, TypeVar

from passpost._phrases import Phrase

T = TypeVar("T")

_NAME: Final[Any] = vars(type)["__name__"]
_EXCEPTIONS: Final[Any] = vars(BaseExceptionGroup)["exceptions"]


def is_really(value: object, kind: type[T]) -> TypeGuard[T]:
    """Return whether a value is of a type, whatever it says of itself."""
    return issubclass(type(value), kind)


def type_name(value: object) -> str:
    """Return the name of a value's type."""
    return str(_NAME.__get__(type(value)))


def plain(value: object) -> object:
    """Return a text or a number of a subclass as Python's own, and anything else as it is.

    A phrase stays one: its class is passpost's own.
    """
    if type(value) is Phrase:
        return value
    if is_really(value, str):
        return str.__str__(value)
    if is_really(value, float):
        return float.__float__(value)
    if is_really(value, int) and not is_really(value, bool):
        return int.__int__(value)
    return value


def only_one_in(error: BaseException) -> BaseException:
    """Return the one exception in the groups around it; of several, the group of them."""
    while is_really(error, BaseExceptionGroup):
        exceptions: tuple[BaseException, ...] = _EXCEPTIONS.__get__(error)
        if len(exceptions) != 1:
            break
        error = exceptions[0]
    return error
