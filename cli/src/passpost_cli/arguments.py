"""What may be repeated of the words on a command line: any of them may be a code by mistake."""

from __future__ import annotations

import os
import re
from typing import Final

STDIN: Final = "-"
"""The name that stands for standard input."""

_LONGEST: Final = 64
_SEPARATORS: Final = frozenset("./\\")

# What may be repeated of a name that we do not know: no digits, as most codes and passwords have.
_NAME: Final = re.compile(r"[A-Za-z]+(?:[-_][A-Za-z]+)*")

# No file has these in its name by chance, and settings have them.
_CONTENT: Final = frozenset('{}"\n\r')


def is_name(text: str) -> bool:
    """Return whether a text may be repeated as a name: it cannot be a code by mistake."""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def is_content(file: str) -> bool:
    """Return whether what should be the name of a file is the content of one."""
    return not _CONTENT.isdisjoint(file)


def named(file: str) -> str:
    """Return the name of a file for people: ``<stdin>`` for ``-``.

    What does not look like a file is not repeated: it may be a code or settings by mistake.
    """
    if file == STDIN:
        return "<stdin>"
    looks_like_one = not _SEPARATORS.isdisjoint(file) or os.path.lexists(file)
    return file if looks_like_one and not is_content(file) else "FILE"
