"""Looks for extensions at the price of reading folders.

``importlib.metadata`` would be asked otherwise each time the command line starts, and importing it
costs more than most of what ``passpost --help`` does.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_GROUP: Final = b"passpost.extensions"
_METADATA: Final = (".dist-info", ".egg-info", "EGG-INFO")


def may_have_extensions() -> bool:
    """Say whether ``importlib.metadata`` could know of an extension; it has the last word."""
    if any(hasattr(finder, "find_distributions") for finder in _unusual_finders()):
        return True
    return any(_declared_in(folder) for folder in sys.path)


def _unusual_finders() -> list[object]:
    # By name: the class itself is importlib's private matter.
    return [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]


def _declared_in(folder: str) -> bool:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - pathlib costs more than the whole look
    except NotADirectoryError:
        # A zip file, which importlib.metadata looks into.
        return True
    except OSError:
        return False
    return any(_declares(folder, name) for name in names if name.endswith(_METADATA))


def _declares(folder: str, name: str) -> bool:
    path = os.path.join(folder, name, "entry_points.txt")  # noqa: PTH118 - likewise
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            return _GROUP in file.read()
    except OSError:
        return False
