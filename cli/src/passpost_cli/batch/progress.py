"""How far a batch is, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

from passpost_cli.terminal import err, is_terminal

if TYPE_CHECKING:
    from passpost_cli.batch.tally import Tally

_EVERY: Final = 10.0
"""Seconds between two plain lines."""


class Progress(Protocol):
    """Shows how far a batch is."""

    def show(self, tally: Tally) -> None:
        """Show the numbers, if it is time to."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class Lines:
    """A line now and then, for pipes and files."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()

    def show(self, tally: Tally) -> None:
        """Write a line if the last one was a while ago."""
        now = time.monotonic()
        if now - self._shown < _EVERY:
            return
        self._shown = now
        rate = (tally.ended - tally.earlier) / (now - self._began)
        left = f", {tally.not_attempted / rate:.0f} s left" if rate else ""
        failed = tally.rejected + tally.unknown
        err(f"{tally.ended:,} of {tally.total:,} emails, {failed:,} failed, {rate:,.1f}/s{left}")

    def close(self) -> None:
        """Do nothing."""


def make_progress(tally: Tally) -> Progress:
    """Return what shows the progress of a batch."""
    if is_terminal(sys.stderr):
        from passpost_cli.batch.bar import Bar  # noqa: PLC0415 - rich is slow to import

        return Bar(tally)
    return Lines()
