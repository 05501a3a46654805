"""What the SMTP server and the HTTP server share: TLS, and a script of what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from pytest_passpost.servers.faults import Fault, Phase, Script
from pytest_passpost.servers.listener import Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from types import TracebackType

_ServerT = TypeVar("_ServerT", bound="ScriptedServer")

RUNNING: Final[set[ScriptedServer]] = set()
"""The servers that run now, for the report of a test that failed."""


class ScriptedServer(Listener):
    """A server that follows a script of faults.

    Leaving its ``with`` block raises an `AssertionError` if a fault never struck. Where the block
    raised an error itself, that error gets a note of it instead.

    Args:
        context: What TLS needs, or None: no TLS.
        faults: What goes wrong, and when.
        phases: The phases that the server has.

    Raises:
        ValueError: A fault is for a phase that the server does not have.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        faults: Iterable[Fault],
        phases: tuple[Phase, ...],
    ) -> None:
        super().__init__()
        self._context = context
        self._script = Script(faults, phases)

    @property
    def struck(self) -> int:
        """How many faults have struck, so that a test can tell that its script was followed."""
        return self._script.struck

    def script(self, *faults: Fault) -> None:
        """Follow these faults from here on, in place of those before.

        Raises:
            ValueError: A fault is for a phase that the server does not have.
        """
        self._script.replace(faults)

    def excused(self) -> str:
        """Return which faults never struck, and let none of them fail the test."""
        missed = _told(self._script.missed())
        self._script.excuse()
        return missed

    def __enter__(self) -> Self:
        entered = super().__enter__()
        RUNNING.add(self)
        return entered

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        RUNNING.discard(self)
        missed = _told(self._script.missed())
        super().__exit__(kind, error, traceback)
        if not missed:
            return
        if error is None:
            raise AssertionError(missed)
        error.add_note(missed)


class ServerStandIn(Generic[_ServerT]):
    """The base of stand-ins that are one server; see `pytest_passpost.StandIn`.

    Args:
        server: The server, which runs as long as the stand-in.

    Attributes:
        server: The server itself: what it got, its connections and faults.
    """

    def __init__(self, server: _ServerT) -> None:
        self.server = server

    def break_with(self, *faults: Fault) -> None:
        """Let these faults strike from here on, in place of those before."""
        self.server.script(*faults)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.__exit__(kind, error, trace)


def _told(missed: list[str]) -> str:
    if not missed:
        return ""
    return "\n".join([*missed, "A fault that need not strike is marked optional=True"])


__all__ = ["RUNNING", "ScriptedServer", "ServerStandIn"]
