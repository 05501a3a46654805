"""Writes files into a folder: all of them, or none."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Final

from passpost_cli.language import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A fresh clone of an empty repository holds nothing but this.
_NOTHING: Final = frozenset({".git"})


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder that does not exist yet or is empty but for ``.git``.

    Where one cannot be written, those before it are removed again, and so is each folder that was
    made for them. Nothing that is there already is changed.

    Args:
        files: Texts by path within the folder, with slashes.
        folder: The folder.

    Raises:
        OSError: The folder holds something, or a file cannot be written.
    """
    if folder.is_dir() and any(entry.name not in _NOTHING for entry in folder.iterdir()):
        raise FileExistsError(errno.EEXIST, _("it is there already, and is not empty"), str(folder))
    made: list[Path] = []
    try:
        for name, text in files.items():
            _write(folder / name, text, made)
    except BaseException:
        _remove(made)
        raise


def _write(path: Path, text: str, made: list[Path]) -> None:
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir()
            made.append(parent)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        made.append(path)
        file.write(text)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        # What somebody else has put there meanwhile stays.
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
