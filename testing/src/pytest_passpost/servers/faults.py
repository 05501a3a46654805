"""What can go wrong on a connection, as a script that a server follows.

A script is a list of faults. Each names the phase in which it strikes, what happens then, and how
often::

    SmtpServer(faults=[
        Fault("rcpt", reply("451 4.7.1 Greylisted, come back later")),       # the first RCPT only
        Fault("greeting", "silence", after=1, times=None),                   # all but the first
        Fault("data", reply("552 5.2.2 Mailbox full")),                      # by DATA or by BDAT
        Fault("body", "reset", octets=1000),                                 # amid the email
        Fault("final", accept_then("reset")),                                # taken, not confirmed
    ])

A fault that never strikes fails the test, unless it is ``optional``: a test that follows another
path than its author believes proves nothing.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, get_args

import attrs

from passpost._wording import nearest
from pytest_passpost.servers.actions import Action, named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Phase = Literal[
    "connect", "greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "bdat",
    "body", "final", "idle", "rset", "noop", "quit",
    "request", "answer",
]  # fmt: skip
"""Where a fault strikes.

``connect``: before anything is said. ``tls``: in place of the handshake. ``greeting``, ``ehlo``,
``starttls``, ``auth``, ``mail``, ``rcpt``, ``rset``, ``noop``, ``quit``: in place of the reply
(``auth`` has one for each step of the exchange). ``data``: in place of the first reply about the
content, in whichever form the email travels: to DATA, or to the first BDAT that brings any of it.
``bdat``: in place of the reply to each chunk. ``body``: while the email's content comes in.
``final``: in place of the reply to the whole email. ``idle``: after that reply; over HTTP after an
answer. ``request``: once a request has come, before it is handled. ``answer``: in place of the
answer to it, which was handled.
"""

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
"""All phases, in the order of a conversation."""

HTTP_PHASES: Final[tuple[Phase, ...]] = ("connect", "tls", "request", "answer", "idle")
"""The phases of HTTP."""

SMTP_PHASES: Final = tuple(phase for phase in PHASES if phase not in ("request", "answer"))
"""The phases of SMTP."""

WITHOUT_REPLY: Final = frozenset(("connect", "tls", "body", "idle", "request"))
"""The phases in which no reply is due, so that none can be cut up or delayed."""

PATIENCE: Final = 1.0
"""Seconds that a fault has which did not strike yet: a client may be ahead of the server."""


@attrs.frozen
class Fault:
    """One thing that goes wrong.

    Args:
        phase: Where it strikes.
        action: What happens: an action, or the name of one: ``close``, ``reset``, ``silence``,
            ``drip``, ``garbage``, ``long-line``, ``endless``, ``split``, ``repeat``.
        after: How many occasions pass well before it strikes.
        times: How often it strikes; None for ever.
        octets: In phase ``body``: how much of the content comes in before it strikes.
        optional: Whether the test may pass without it having struck.

    Raises:
        ValueError: The phase or the action's name is unknown, or the action needs a reply where
            none is due.
    """

    phase: Phase
    action: Action = attrs.field(converter=named)
    after: int = attrs.field(default=0, kw_only=True)
    times: int | None = attrs.field(default=1, kw_only=True)
    octets: int = attrs.field(default=0, kw_only=True)
    optional: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        require_phase(self.phase, PHASES)
        if self.phase in WITHOUT_REPLY and self.action.needs_reply:
            raise ValueError(f"in phase {self.phase} there is no reply for {self.action} to change")


def require_phase(phase: object, known: tuple[Phase, ...]) -> None:
    """Reject a phase that does not exist, so that the fault would never strike.

    Raises:
        ValueError: With the phases that do, and the one that was probably meant.
    """
    if phase in known:
        return
    meant = nearest(phase, known) if isinstance(phase, str) else None
    suggestion = f"did you mean {meant!r}? " if meant else ""
    where = "" if known is PHASES else " on this server"
    raise ValueError(f"unknown phase {phase!r}{where}: {suggestion}Phases are {', '.join(known)}")


@attrs.define(eq=False)
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

    @property
    def is_missed(self) -> bool:
        return not (self.struck or self.fault.optional)


class Script:
    """Faults, and how far they have run; safe to change from another thread.

    Args:
        faults: The first that applies strikes, and only that counts the occasion as its own.
        phases: The phases of the server.

    Raises:
        ValueError: A fault is for a phase that the server does not have.
    """

    def __init__(self, faults: Iterable[Fault] = (), phases: tuple[Phase, ...] = PHASES) -> None:
        self._changed = threading.Condition()
        self._phases = phases
        self._struck = 0
        self._counted: list[_Counted] = []
        self._replaced: list[_Counted] = []
        self._occasions: Counter[Phase] = Counter()
        self._content = 0
        self.replace(faults)

    @property
    def struck(self) -> int:
        """How many faults have struck so far."""
        with self._changed:
            return self._struck

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget the faults so far, and follow these from here on.

        Raises:
            ValueError: A fault is for a phase that the server does not have.
        """
        counted = [_Counted(fault) for fault in faults]
        for one in counted:
            require_phase(one.fault.phase, self._phases)
        with self._changed:
            # A fault that was taken back before it struck was written for nothing as well.
            self._replaced += [one for one in self._counted if one.is_missed]
            self._counted = counted

    def strike(self, *phases: Phase) -> Action | None:
        """Return what goes wrong on this occasion, or None where all is well."""
        with self._changed:
            self._occasions.update(phases)
            return self._first(lambda fault: fault.phase in phases)

    def strike_body(self, before: int, now: int) -> Action | None:
        """Return what goes wrong as the content grows from so many octets to so many."""
        with self._changed:
            self._occasions["body"] += before < 0
            self._content = max(self._content, now)
            return self._first(lambda fault: fault.phase == "body" and before < fault.octets <= now)

    def missed(self, patience: float = PATIENCE) -> list[str]:
        """Return the faults that never struck, each with the reason.

        Args:
            patience: Seconds to wait for them.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._missed(), patience)
            return [self._reason(one) for one in self._missed()]

    def excuse(self) -> None:
        """Count no fault of so far as missed."""
        with self._changed:
            self._replaced.clear()
            self._counted = [
                attrs.evolve(one, fault=attrs.evolve(one.fault, optional=True))
                for one in self._counted
            ]

    def _missed(self) -> list[_Counted]:
        return [*self._replaced, *(one for one in self._counted if one.is_missed)]

    def _reason(self, one: _Counted) -> str:
        phase, came = one.fault.phase, self._occasions[one.fault.phase]
        if not came:
            others = ", ".join(self._occasions) or "none"
            reason = f"the client never came to this phase (it came to: {others})"
        elif phase == "body" and self._content < one.fault.octets:
            reason = f"{self._content} octets of content came in"
        elif one.passed:
            reason = f"the phase came {came} times, and after={one.fault.after}"
        elif one in self._replaced:
            reason = "another script replaced it before"
        else:
            reason = "another fault struck in its place"
        return f"Fault({phase!r}, {one.fault.action}) never struck: {reason}"

    def _first(self, applies: Callable[[Fault], bool]) -> Action | None:
        for counted in self._counted:
            if applies(counted.fault) and counted.strikes():
                self._struck += 1
                self._changed.notify_all()
                return counted.fault.action
        return None


__all__ = ["HTTP_PHASES", "PHASES", "SMTP_PHASES", "WITHOUT_REPLY", "Fault", "Phase", "Script"]
