"""What can go wrong on a connection, as a script that a server follows.

A script is a list of faults. Each names the phase in which it strikes, what happens then, and how
often::

    SmtpServer(faults=[
        Fault("rcpt", reply("451 4.7.1 Greylisted, come back later")),       # the first RCPT only
        Fault("greeting", "silence", after=1, times=None),                   # all but the first
        Fault("body", "reset", octets=1000),                                 # amid the mail
        Fault("final", accept_then("reset")),                                # taken, not confirmed
    ])
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from passpost.testing.actions import Action, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Phase = Literal[
    "connect", "greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "bdat",
    "body", "final", "idle", "rset", "noop", "quit",
    "request", "answer",
]  # fmt: skip
"""Where a fault strikes.

``connect``: before anything is said. ``tls``: in place of the handshake. ``greeting``, ``ehlo``,
``starttls``, ``auth``, ``mail``, ``rcpt``, ``data``, ``bdat``, ``rset``, ``noop``, ``quit``: in
place of the reply (``auth`` has one for each step of the exchange, ``bdat`` one for each chunk).
``body``: while the mail's content comes in. ``final``: in place of the reply to the whole mail.
``idle``: after that reply; over HTTP after an answer. ``request``: once a request has come, before
it is handled. ``answer``: in place of the answer to it, which was handled.
"""

HTTP_PHASES: Final[frozenset[Phase]] = frozenset(("connect", "tls", "request", "answer", "idle"))
"""The phases of HTTP."""

SMTP_PHASES: Final[frozenset[Phase]] = frozenset(get_args(Phase)) - {"request", "answer"}
"""The phases of SMTP."""

WITHOUT_REPLY: Final = frozenset(("connect", "tls", "body", "idle", "request"))
"""The phases in which no reply is due, so that none can be cut up or delayed."""


@attrs.frozen
class Fault:
    """One thing that goes wrong.

    Args:
        phase: Where it strikes.
        action: What happens: an action, or the name of one: ``close``, ``reset``, ``silence``,
            ``drip``, ``garbage``, ``long-line``, ``endless``, ``split``.
        after: How many occasions pass well before it strikes.
        times: How often it strikes; None for ever.
        octets: In phase ``body``: how much of the content comes in before it strikes.

    Raises:
        ValueError: The action's name is unknown, or it needs a reply where none is due.
    """

    phase: Phase
    action: Action = attrs.field(converter=named)
    after: int = attrs.field(default=0, kw_only=True)
    times: int | None = attrs.field(default=1, kw_only=True)
    octets: int = attrs.field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.phase in WITHOUT_REPLY and self.action.needs_reply:
            raise ValueError(f"in phase {self.phase} there is no reply for {self.action} to change")


@attrs.define
class _Counted:
    """A fault, and how often it was passed by and has struck."""

    fault: Fault
    passed: int = 0
    struck: int = 0

    def strikes(self) -> bool:
        if self.passed < self.fault.after:
            self.passed += 1
            return False
        if self.fault.times is not None and self.struck >= self.fault.times:
            return False
        self.struck += 1
        return True


class Script:
    """Faults, and how far they have run; safe to change from another thread.

    Args:
        faults: The first that applies strikes, and only that counts the occasion as its own.
        phases: The phases that there are; None: all.

    Raises:
        ValueError: A fault is for a phase that there is not, and so would never strike.
    """

    def __init__(
        self, faults: Iterable[Fault] = (), phases: frozenset[Phase] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._phases = phases
        self._struck = 0
        self._counted: list[_Counted] = []
        self.replace(faults)

    @property
    def struck(self) -> int:
        """How many faults have struck so far."""
        with self._lock:
            return self._struck

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget the faults so far, and follow these from here on.

        Raises:
            ValueError: A fault is for a phase that there is not.
        """
        counted = [_Counted(fault) for fault in faults]
        for one in counted:
            if self._phases is not None and one.fault.phase not in self._phases:
                raise ValueError(f"there is no phase {one.fault.phase!r} here")
        with self._lock:
            self._counted = counted

    def strike(self, *phases: Phase) -> Action | None:
        """Give what goes wrong on this occasion, or None where all is well."""
        return self._first(lambda fault: fault.phase in phases)

    def strike_body(self, before: int, now: int) -> Action | None:
        """Give what goes wrong as the content grows from so many octets to so many."""
        return self._first(lambda fault: fault.phase == "body" and before < fault.octets <= now)

    def _first(self, applies: Callable[[Fault], bool]) -> Action | None:
        with self._lock:
            for counted in self._counted:
                if applies(counted.fault) and counted.strikes():
                    self._struck += 1
                    return counted.fault.action
        return None


__all__ = ["HTTP_PHASES", "SMTP_PHASES", "WITHOUT_REPLY", "Fault", "Phase", "Script"]
