"""What became of the emails of a batch, in numbers."""

from __future__ import annotations

from typing import Final

import attrs

import passpost
from passpost.phrases import said
from passpost_cli.batch.records import Ending
from passpost_cli.language import _

KINDS_OF_ERRORS: Final = 5
"""Different errors that a summary shows."""


@attrs.frozen
class Outcome:
    """What became of one email.

    Attributes:
        line: Its line in the batch file.
        kind: The outcome; ``not sent`` means that the batch ended before.
        error: Why it was not accepted.
        replayed: Whether it had been sent before, with the same idempotency key.
    """

    line: int
    kind: Ending
    error: BaseException | None = None
    replayed: bool = False


@attrs.define
class Repeated:
    """An error, and how often it came.

    Attributes:
        first: The first email that had it.
        count: How many had it.
    """

    first: Outcome
    count: int = 0


@attrs.define
class Tally:
    """The numbers of a batch.

    Attributes:
        total: Emails in the file.
        accepted: How many were accepted.
        rejected: How many were rejected.
        unknown: How many may have been sent.
        replayed: How many of the accepted had been sent before, with the same idempotency key.
        earlier: How many of all these ended before the batch was resumed.
        errors: The errors by their text, the first ones.
    """

    total: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    replayed: int = 0
    earlier: int = 0
    errors: dict[str, Repeated] = attrs.field(factory=dict)

    @property
    def ended(self) -> int:
        """How many have an outcome."""
        return self.accepted + self.rejected + self.unknown

    @property
    def not_attempted(self) -> int:
        """How many were not sent because the batch ended before."""
        return self.total - self.ended

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        if outcome.kind == "accepted":
            self.accepted += 1
            self.replayed += outcome.replayed
        elif outcome.kind == "rejected":
            self.rejected += 1
        elif outcome.kind == "unknown":
            self.unknown += 1
        if outcome.error is not None and outcome.kind != "not sent":
            self._count_error(outcome)

    def _count_error(self, outcome: Outcome) -> None:
        text = text_of(outcome.error)
        if text not in self.errors and len(self.errors) >= KINDS_OF_ERRORS:
            return
        self.errors.setdefault(text, Repeated(outcome)).count += 1


def text_of(error: BaseException | None) -> str:
    """Return what an error says, with the name of the connector that failed."""
    connector = error.connector if isinstance(error, passpost.SendError) else None
    text = said(error) if error is not None else "None"
    return _("{connector}: {text}", connector=connector, text=text) if connector else text
