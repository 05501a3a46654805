"""What an inbox does wrong on purpose, so that an application can be tested for it."""

from __future__ import annotations

from enum import StrEnum
from threading import Lock
from typing import Final

import attrs

MOST_SECONDS: Final = 60.0


class Kind(StrEnum):
    """What goes wrong."""

    REJECT = "reject"
    LATER = "later"
    DELAY = "delay"
    DROP = "drop"


REPLIES: Final = {
    Kind.REJECT: "550 5.1.1 The development inbox rejects this recipient",
    Kind.LATER: "451 4.3.0 The development inbox asks to try again later",
}
"""What the SMTP server replies."""

STATUSES: Final = {Kind.REJECT: 403, Kind.LATER: 503}
"""What the servers of connectors over HTTP answer."""


@attrs.frozen
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: What goes wrong.
        times: How many emails it strikes; None: until it is switched off.
        seconds: How long a reply is delayed.
        to: The recipient whose emails it strikes; everybody's if empty.
    """

    kind: Kind
    times: int | None = None
    seconds: float = 5.0
    to: str = ""


class Faults:
    """The fault that is switched on, if any."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._lock = Lock()

    @property
    def current(self) -> Fault | None:
        """The fault that is switched on."""
        return self._fault

    def switch(self, fault: Fault | None) -> None:
        """Switch a fault on in place of the one before; None switches it off."""
        with self._lock:
            self._fault = fault

    def strike(self, recipients: tuple[str, ...]) -> Fault | None:
        """Return the fault that strikes an email; it is switched off once it has struck enough."""
        with self._lock:
            fault = self._fault
            if fault is None or not _is_meant(fault, recipients):
                return None
            if fault.times is not None:
                left = fault.times - 1
                self._fault = attrs.evolve(fault, times=left) if left > 0 else None
            return fault


def _is_meant(fault: Fault, recipients: tuple[str, ...]) -> bool:
    return not fault.to or any(fault.to.casefold() == one.casefold() for one in recipients)
