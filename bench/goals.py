"""What every benchmark prints at its end: which goals were reached."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

from sink import CannotRunError


class Goals:
    """Goals of one benchmark, each compared with what was measured."""

    def __init__(self) -> None:
        self._lines: list[tuple[bool, str]] = []

    def at_most(self, what: str, measured: float, goal: float) -> None:
        """Note a figure that should not be larger."""
        self._note(f"{what}: {measured:.2f}, at most {goal:g}", reached=measured <= goal)

    def at_least(self, what: str, measured: float, goal: float) -> None:
        """Note a figure that should not be smaller."""
        self._note(f"{what}: {measured:.2f}, at least {goal:g}", reached=measured >= goal)

    def report(self) -> None:
        """Print all of them."""
        print("\nGoals")
        for reached, line in self._lines:
            print(f"  {'ok    ' if reached else 'missed'}  {line}")

    def _note(self, line: str, *, reached: bool) -> None:
        self._lines.append((reached, line))


def machine() -> str:
    """Return how busy the machine is before the benchmark begins."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    others = "" if load < 1 else "; others are running, so times are not the best there are"
    return f"{cores} cores, load {load:.1f}{others}"


def run(main: Callable[[], None]) -> int:
    """Run a benchmark; the exit status is 1 only if it cannot run."""
    with suppress(BrokenPipeError):
        try:
            main()
        except CannotRunError as error:
            print(f"cannot run: {error}", file=sys.stderr)
            return 1
    return 0
