"""Describes an exception that should not have happened, without repeating its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import dropwhile, islice
from pathlib import PurePath
from types import CodeType
from typing import Any, Final

import pluggy

from passpost._genuine import type_name

# Not by attribute: the class of a foreign exception may define it again, and raise.
_TRACEBACK: Final[Any] = vars(BaseException)["__traceback__"]
_CAUSE: Final[Any] = vars(BaseException)["__cause__"]
_CONTEXT: Final[Any] = vars(BaseException)["__context__"]
_SUPPRESSED: Final[Any] = vars(BaseException)["__suppress_context__"]

_CALLERS: Final = (str(PurePath(__file__).parents[1]), str(PurePath(pluggy.__file__).parent))
_MAX_FRAMES: Final = 8
_MAX_CAUSES: Final = 3

watchers: Final[list[Callable[[BaseException], object]]] = []
"""Called with each exception that is described: `pytest_passpost.show_defects` is one."""


def describe_defect(error: BaseException) -> str:
    """Return an exception's type and the line it came from: ``KeyError at acme.py:34``.

    The text of a foreign exception may quote a payload or a password, so it is left out.
    """
    for watch in tuple(watchers):
        watch(error)
    return _describe(error)


def trace_defect(error: BaseException) -> str:
    """Return how an exception came about, for its author: each frame, and what caused it.

    The frames have their names and lines, and neither source nor variables::

        hooks.py:20 in send_mail > client.py:41 in Client.post; caused by KeyError at client.py:58
    """
    # Without those that only called the plugin.
    own = dropwhile(lambda frame: frame[0].co_filename.startswith(_CALLERS), frames_of(error))
    frames = [f"{_place(code, line)} in {code.co_qualname}" for code, line in own]
    trace = " > ".join(frames[-_MAX_FRAMES:])
    for cause in islice(_causes(error), _MAX_CAUSES):
        trace += f"; caused by {_describe(cause)}"
    return trace


def _describe(error: BaseException) -> str:
    place = ""
    for code, line in frames_of(error):
        place = f" at {_place(code, line)}"
    return f"{type_name(error)}{place}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    while True:
        cause = _CAUSE.__get__(error)
        if cause is None and not _SUPPRESSED.__get__(error):
            cause = _CONTEXT.__get__(error)
        if cause is None:
            return
        yield cause
        error = cause


def _place(code: CodeType, line: int) -> str:
    return f"{PurePath(code.co_filename).name}:{line}"


def frames_of(error: BaseException) -> Iterator[tuple[CodeType, int]]:
    """Return the code and the line of each frame, the innermost last."""
    trace = _TRACEBACK.__get__(error)
    while trace is not None:
        yield trace.tb_frame.f_code, trace.tb_lineno
        trace = trace.tb_next
