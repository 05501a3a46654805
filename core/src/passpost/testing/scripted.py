"""What the SMTP server and the HTTP server share: TLS, and a script of what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passpost.testing.faults import Fault, Phase, Script
from passpost.testing.listener import Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class ScriptedServer(Listener):
    """A server that follows a script of faults.

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
        phases: frozenset[Phase],
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


__all__ = ["ScriptedServer"]
