"""Ports where no server answers."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from pytest_passpost.servers.listener import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """Return a port on 127.0.0.1 that accepts no connection while the block runs.

    It is taken but not listened on, so that nothing else can come to listen there meanwhile.
    """
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Return a port on 127.0.0.1 where connecting hangs while the block runs, as behind a firewall.

    Its queue of connections is full, so that the system drops further attempts unanswered. That is
    so on Linux; other systems may not.
    """
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((HOST, 0))
        full.listen(0)
        # One more than the backlog is let in; the rest of them find the queue full.
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


__all__ = ["refusing_port", "silent_port"]
