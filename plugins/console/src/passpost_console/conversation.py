"""Overhears what a connector says of its conversation with a provider: no secret, no content."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGERS: Final = ("passpost_smtp", "passpost.http")
"""Loggers that tell verbs, codes and states, and nothing that was said."""

_MOST: Final = 200

_heard: ContextVar[list[str] | None] = ContextVar("passpost_console_heard", default=None)
_one_at_a_time: Final = Lock()


class _Ear(logging.Filter):
    """Notes the records of one test; others get what they would get without it."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        lines = _heard.get()
        if lines is not None and len(lines) < _MOST:
            lines.append(record.getMessage())
        return record.levelno >= self._level


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect what connectors log while the block runs, in this context alone."""
    lines: list[str] = []
    with _one_at_a_time:
        ears = [(logger, logger.level, _ear(logger)) for logger in map(logging.getLogger, LOGGERS)]
        token = _heard.set(lines)
        try:
            yield lines
        finally:
            _heard.reset(token)
            for logger, level, ear in ears:
                logger.setLevel(level)
                logger.removeFilter(ear)


def _ear(logger: logging.Logger) -> _Ear:
    ear = _Ear(logger.getEffectiveLevel())
    logger.addFilter(ear)
    logger.setLevel(logging.DEBUG)
    return ear
