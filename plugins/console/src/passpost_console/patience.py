"""Ends connections that let the server wait: enough of them would keep all others out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import attrs
import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from passpost_console.pace import Clock

LIMITS: Final = {"head": 10.0, "body": 60.0, "response": 60.0}
"""Seconds for each part of a request to arrive, and for a part of the response to be taken."""


@attrs.frozen
class _Wait:
    """What a connection waits for.

    Attributes:
        part: A key of `LIMITS`.
        cycle: The request before, or the one that is being answered.
        since: When it was first seen to wait.
    """

    part: str
    cycle: Any = attrs.field(eq=id)
    since: float = attrs.field(eq=False)


class Patience:
    """Remembers since when each connection lets the server wait.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._waits: dict[H11Protocol, _Wait] = {}

    def look(self, connections: Iterable[object]) -> None:
        """End the connections that have let the server wait too long; called again and again."""
        now = self._clock()
        before, self._waits = self._waits, {}
        for one in tuple(connections):
            if not isinstance(one, H11Protocol) or not (part := _waits_for(one)):
                continue
            wait = _Wait(part, one.cycle, now)
            if before.get(one) == wait:
                wait = before[one]
            self._waits[one] = wait
            if now - wait.since >= LIMITS[part]:
                # Nothing more is written: the other side might not take that either.
                one.transport.abort()


def _waits_for(connection: H11Protocol) -> str:
    state = connection.conn.their_state
    if state is h11.IDLE:
        return "head"
    if state is h11.SEND_BODY:
        return "body"
    return "response" if connection.flow.write_paused else ""
