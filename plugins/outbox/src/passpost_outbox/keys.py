"""The keys of an outbox: one that encrypts, and those that still decrypt."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passpost import Secret
from passpost.phrases import Phrases
from passpost.stores import StoreError

_ = Phrases("passpost_outbox")
T = TypeVar("T")

log: Final = logging.getLogger("passpost.outbox")

SHORTEST_SECRET: Final = 16
"""Bytes of the secret that keys hashes, at least."""

SIZE: Final = 32
"""Bytes of a key: AES-256."""

_ANY_BYTES: Final = ("utf-8", "surrogateescape")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)


class Keys:
    """Keys by their names, kept in memory.

    Args:
        keys: Each key by its name: 32 bytes, or 64 hexadecimal digits.
        use: The name of the key that encrypts. All of them decrypt.

    Raises:
        ValueError: A name or a key is not valid; the text does not repeat the key.
    """

    def __init__(self, keys: Mapping[str, bytes | str], *, use: str) -> None:
        failure: ValueError | None = None
        self._ciphers: dict[str, AESGCM] = {}
        try:
            self._ciphers = {_checked(name): _cipher(name, key) for name, key in keys.items()}
        except ValueError as error:
            failure = error.with_traceback(None)
        # No frame holds the keys: trackers of errors send the local variables of each.
        del keys
        if failure is not None:
            raise failure
        if use not in self._ciphers:
            raise ValueError(f"no key is named {use!r}")
        self._use = use

    @classmethod
    def from_folder(cls, path: str | Path) -> Keys:
        """Return the keys in a folder, which is read again when a key is added or chosen.

        The file ``NAME.key`` contains the key ``NAME`` as 64 hexadecimal digits. The file ``use``
        contains the name of the key that encrypts.

        Raises:
            StoreError: The folder cannot be read, or a name or key in it is not valid.
        """
        keys = _FolderKeys(Path(path))
        keys.current()
        return keys

    def current(self) -> tuple[str, AESGCM]:
        """Return the key that encrypts, and its name."""
        return self._use, self._ciphers[self._use]

    def find(self, name: str) -> AESGCM | None:
        """Return a key that decrypts, or None."""
        return self._ciphers.get(name)

    def __repr__(self) -> str:
        return f"<Keys: {', '.join(self._ciphers)}>"


class _FolderKeys(Keys):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ciphers: dict[str, AESGCM] = {}
        self._use = ""

    def current(self) -> tuple[str, AESGCM]:
        try:
            self._use = self._chosen()
        except StoreError as error:
            if not self._use:
                raise
            # A file that is being written is empty for a moment, and requests go on meanwhile.
            log.warning("%s: the key %s is used on", error, self._use)
        return self._use, self._ciphers[self._use]

    def find(self, name: str) -> AESGCM | None:
        # The name comes from a body, and becomes part of a path.
        if name not in self._ciphers and _NAME.fullmatch(name):
            if not self._has(f"{name}.key"):
                return None
            self._ciphers[name] = self._read(f"{name}.key", lambda key: _cipher(name, key))
        return self._ciphers.get(name)

    def _chosen(self) -> str:
        """Return the name of a key that `use` names and that can be read."""
        name = self._read("use", str)
        if self.find(name) is None:
            raise StoreError(
                _("the folder {path} lacks the key that `use` names", path=self._folder)
            )
        return name

    def _read(self, name: str, use: Callable[[str], T]) -> T:
        try:
            return use((self._folder / name).read_text("ascii").strip())
        except (OSError, ValueError):
            pass
        raise self._unreadable(name)

    def _has(self, name: str) -> bool:
        # A folder that cannot be read, or is not there now, says nothing of its files.
        try:
            (self._folder / name).stat()
        except FileNotFoundError:
            if self._folder.is_dir():
                return False
        except OSError:
            pass
        else:
            return True
        raise self._unreadable(name)

    def _unreadable(self, name: str) -> StoreError:
        return StoreError(
            _("the file {path} cannot be read as a key", path=self._folder / name),
            hint=_("Check the path and its permissions."),
        )


def hidden(secret: bytes | str | Secret) -> Secret:
    """Return a secret that may be a local variable: trackers of errors send those of each frame."""
    if isinstance(secret, Secret):
        return secret
    return Secret(secret if isinstance(secret, str) else bytes(secret).decode(*_ANY_BYTES))


def revealed(secret: Secret) -> bytes:
    """Return the bytes of a secret."""
    return secret.reveal().encode(*_ANY_BYTES)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("the name of a key has 1 to 32 letters, digits, dots and hyphens")
    return name


def _cipher(name: str, key: bytes | str) -> AESGCM:
    try:
        raw = bytes.fromhex(key) if isinstance(key, str) else bytes(key)
    except ValueError:
        raw = b""
    if len(raw) == SIZE:
        return AESGCM(raw)
    del key, raw
    raise ValueError(f"the key {name!r} must be 32 bytes, or 64 hexadecimal digits")
