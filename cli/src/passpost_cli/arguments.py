"""Which words of a command line may be repeated: any of them may be a code by mistake."""

from __future__ import annotations

import os
import re
from typing import Final

STDIN: Final = "-"
"""The file name of standard input."""

_LONGEST: Final = 64
_SEPARATORS: Final = frozenset("./\\")

# What may be repeated of an unknown name: no digits, as most codes and passwords have.
_NAME: Final = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*")

# Settings contain these characters, and file names do not.
_CONTENT: Final = frozenset('{}"\n\r')


def is_name(text: str) -> bool:
    """Return whether a text may be repeated as a name: it cannot be a code by mistake."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def is_content(file: str) -> bool:
    """Return whether a file name is the content of a file by mistake."""
    return not _CONTENT.isdisjoint(file)


def named(file: str) -> str:
    """Return a file name for people: ``<stdin>`` for ``-``.

    A text that does not look like a file name is not repeated: it may be a code or settings.
    """
    if file == STDIN:
        return "<stdin>"
    looks_like_one = not _SEPARATORS.isdisjoint(file) or os.path.lexists(file)
    return file if looks_like_one and not is_content(file) else "FILE"
