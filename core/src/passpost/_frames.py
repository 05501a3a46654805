"""Keeps what callers hand to passpost out of the tracebacks of its errors.

Trackers of errors send the local variables of each frame; an argument may be a settings file with
its passwords.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from passpost.errors import PasspostError

P = ParamSpec("P")
T = TypeVar("T")


class WrongTypeError(TypeError):
    """An argument has the wrong type; the text says what to write, and does not repeat it."""


def without_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Raise the errors of a function without the frames that have its arguments.

    Exceptions that are not passpost's own are defects, and keep the frames by which they are found.
    """

    @functools.wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> T:
        try:
            return function(*args, **named)
        except (PasspostError, WrongTypeError) as error:
            failure = error.with_traceback(None)
            failure.__context__ = None
        del args, named
        raise failure

    return called
