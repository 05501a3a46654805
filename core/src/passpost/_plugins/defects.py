"""Describes an exception that should not have happened, without repeating its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any, Final

from passpost._genuine import type_name

_TRACEBACK: Final[Any] = vars(BaseException)["__traceback__"]

watchers: Final[list[Callable[[BaseException], object]]] = []
"""Called with each exception that is described: `pytest_passpost.show_defects` is one."""


def describe_defect(error: BaseException) -> str:
    """Give an exception's type and the line it came from: ``KeyError at acme.py:34``.

    The text of a foreign exception may quote a payload or a password, so it is left out.
    """
    for watch in tuple(watchers):
        watch(error)
    place = ""
    # Not by attribute: the class of a foreign exception may define it anew, and raise.
    trace = _TRACEBACK.__get__(error)
    while trace is not None:
        place = f" at {PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type_name(error)}{place}"
