"""Replaces a settings file in one step, unless someone else changed it meanwhile."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs

BACKUP: Final = ".bak"
"""What is added to the name of the one copy that stays of the text before."""

_PRIVATE: Final = 0o600
_ABSENT: Final = "absent"


class ChangedMeanwhile(Exception):  # noqa: N818 - it says what happened
    """The file is no longer the one that was read."""


@attrs.frozen
class Loaded:
    """The text of a settings file, as it was at one moment.

    Attributes:
        path: The file.
        text: Its text; empty if the file does not exist.
        version: What changes with each byte of it: an HTTP entity tag without the quotes.
    """

    path: Path
    text: str = attrs.field(repr=False)
    version: str

    @property
    def exists(self) -> bool:
        """Return whether there is a file yet."""
        return self.version != _ABSENT


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a settings file to change it.

    Raises:
        OSError: The file exists and cannot be read.
        UnicodeDecodeError: The file is not UTF-8.
    """
    # A link stays one: what it leads to is replaced.
    file = Path(os.path.realpath(path))
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return Loaded(file, "", _ABSENT)
    return Loaded(file, data.decode("utf-8"), sha256(data).hexdigest())


def save(before: Loaded, text: str) -> Loaded:
    """Replace the text of a settings file; return it as it is now.

    Other programs see the file before or the file after, even if the power fails. It keeps its
    mode, and its owner where the system permits. A new file is for its owner alone, since it may
    contain secrets. One copy of the text before stays beside it, as ``NAME.bak``, for its owner
    alone as well: a secret that the new text lacks is still in it.

    Raises:
        ChangedMeanwhile: The file changed since it was read; it was left as it is.
        OSError: The file cannot be written; it was left as it is.
    """
    if load(before.path).version != before.version:
        raise ChangedMeanwhile(str(before.path))
    if before.exists:
        backup = before.path.with_name(before.path.name + BACKUP)
        _replace(backup, before.path.read_bytes(), like=before.path, most=_PRIVATE)
    data = text.encode("utf-8")
    _replace(before.path, data, like=before.path if before.exists else None)
    return Loaded(before.path, text, sha256(data).hexdigest())


def _replace(path: Path, data: bytes, like: Path | None, most: int = 0o7777) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _take_over(file.fileno(), like, most)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def _take_over(handle: int, like: Path | None, most: int) -> None:
    """Set the owner and mode of a file to those of another one, with no more than some rights."""
    if like is None:
        os.fchmod(handle, _PRIVATE)
        return
    state = like.stat()
    # Only a superuser may give files away; then the mode alone has to do.
    with suppress(PermissionError):
        os.fchown(handle, state.st_uid, state.st_gid)
    os.fchmod(handle, state.st_mode & most)


def _sync(folder: Path) -> None:
    """Make a rename last through a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
