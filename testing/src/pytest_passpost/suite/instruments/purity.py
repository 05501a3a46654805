"""Sees whether code touches the network, files, other programs or the environment."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS: Final = {
    "network": ("socket.",),
    "files": ("open", "os.listdir", "os.scandir", "os.remove", "os.mkdir", "os.rename"),
    "programs": ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn"),
}

_watched = threading.local()
_installed = threading.Lock()
_hooked = False


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """Note what the code of this block, in this thread, does beyond computing.

    Yields:
        What it did: ``network: socket.connect``, ``environment: ACME_KEY``.
    """
    _install()
    seen: list[str] = []
    _watched.seen = seen
    try:
        with _environment(seen):
            yield seen
    finally:
        _watched.seen = None


def _install() -> None:
    """Add the audit hook: once, since none can be taken away again."""
    global _hooked  # noqa: PLW0603 - the interpreter has one list of hooks, too
    with _installed:
        if not _hooked:
            sys.addaudithook(_note)
            _hooked = True


def _note(event: str, arguments: tuple[Any, ...]) -> None:  # noqa: ARG001 - may hold secrets
    seen = getattr(_watched, "seen", None)
    if seen is None:
        return
    for kind, prefixes in _EVENTS.items():
        if any(event == p or (p.endswith((".", "exec")) and event.startswith(p)) for p in prefixes):
            seen.append(f"{kind}: {event}")


@contextlib.contextmanager
def _environment(seen: list[str]) -> Iterator[None]:
    """Note who reads the environment. The class is changed: others may hold `os.environ` itself."""
    cls = type(os.environ)
    read, walk = cls.__getitem__, cls.__iter__
    me = threading.get_ident()

    def note(what: str) -> None:
        if threading.get_ident() == me:
            seen.append(f"environment: {what}")

    def getitem(self: Any, key: str) -> str:
        note(key)
        return read(self, key)

    def iterate(self: Any) -> Iterator[str]:
        note("all of it")
        return walk(self)

    with (
        mock.patch.object(cls, "__getitem__", getitem),
        mock.patch.object(cls, "__iter__", iterate),
    ):
        yield
