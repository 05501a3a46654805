"""A progress bar, drawn with rich."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from passpost_cli.batch.tally import Tally


class Bar:
    """A bar with the rate, the failures and the time that is left.

    Args:
        tally: The numbers to begin with.
    """

    def __init__(self, tally: Tally) -> None:
        self._progress = Progress(
            TextColumn("sending"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[failed]}"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            redirect_stdout=False,
            transient=True,
        )
        self._task = self._progress.add_task(
            "", total=tally.total, completed=tally.ended, rate="", failed=""
        )
        self._progress.start()

    def show(self, tally: Tally) -> None:
        """Move the bar; it is drawn ten times a second."""
        speed = self._progress.tasks[0].speed
        failed = tally.rejected + tally.unknown
        self._progress.update(
            self._task,
            completed=tally.ended,
            rate=f"{speed:,.0f}/s" if speed else "",
            failed=f"{failed:,} failed" if failed else "",
        )

    def close(self) -> None:
        """Remove the bar."""
        self._progress.stop()
