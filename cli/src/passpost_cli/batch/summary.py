"""What a batch came to, for people and for programs."""

from __future__ import annotations

from typing import Any

import attrs

import passpost
from passpost_cli.batch.tally import Outcome, Tally, text_of
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import CommandError
from passpost_cli.terminal import complain, err, one_line, out, out_json

_AFTER = {
    "rejected": "the email was not sent",
    "unknown": "the email may have been sent",
}


@attrs.frozen
class Summary:
    """What a batch came to.

    Attributes:
        file: The name of the batch file.
        journal: The name of its journal.
        tally: The numbers.
        seconds: How long it took.
        exit_code: The exit code of the command.
        reason: Why it ended before all emails were sent.
    """

    file: str
    journal: str
    tally: Tally
    seconds: float
    exit_code: ExitCode
    reason: CommandError | None = None

    def show(self) -> None:
        """Write it for people."""
        tally = self.tally
        out(f"{one_line(self.file)}: {tally.accepted:,} of {_emails(tally.total)} accepted")
        for label, number in self._numbers():
            out(f"  {label:<14} {number:,}")
        out(f"  {'time':<14} in {self.seconds:.2f}s{self._rate()}")
        for repeated in tally.errors.values():
            _show_error(self.file, repeated.first, repeated.count)
        if self.reason is not None:
            complain(self.file, str(self.reason), self.reason.remedy)
        elif self.remedy:
            err(f"  help: {self.remedy}")

    def show_json(self) -> None:
        """Write it for programs."""
        document: dict[str, Any] = {"ok": self.exit_code is ExitCode.DONE}
        if self.exit_code is not ExitCode.DONE:
            document["error"] = {
                "kind": self.reason.kind if self.reason else "batch",
                "message": str(self.reason or f"{_emails(self._failed)} not accepted"),
                "remedy": self.reason.remedy if self.reason else self.remedy,
            }
        tally = self.tally
        document |= {
            "total": tally.total,
            "accepted": tally.accepted,
            "rejected": tally.rejected,
            "unknown": tally.unknown,
            "not_attempted": tally.not_attempted,
            "replayed": tally.replayed,
            "earlier": tally.earlier,
            "seconds": round(self.seconds, 3),
            "journal": self.journal,
            "errors": [
                {"line": one.first.line, "count": one.count, **_facts(one.first)}
                for one in tally.errors.values()
            ],
        }
        out_json(document)

    @property
    def remedy(self) -> str:
        """What to do about the emails that were not accepted."""
        if self.tally.not_attempted or self.tally.rejected:
            return "to send what is missing, repeat the command with --resume"
        if self.tally.unknown:
            return "check whether they arrived; --resume --resend-unknown sends them once more"
        return ""

    @property
    def _failed(self) -> int:
        return self.tally.total - self.tally.accepted

    def _numbers(self) -> list[tuple[str, int]]:
        tally = self.tally
        optional = [("replayed", tally.replayed), ("ended earlier", tally.earlier)]
        return [
            ("accepted", tally.accepted),
            ("rejected", tally.rejected),
            ("unknown", tally.unknown),
            ("not attempted", tally.not_attempted),
            *(one for one in optional if one[1]),
        ]

    def _rate(self) -> str:
        sent = self.tally.ended - self.tally.earlier
        return f", {sent / self.seconds:,.0f} emails/s" if self.seconds >= 1 else ""


def show_outcome(file: str, outcome: Outcome) -> None:
    """Write a line about an email that was not accepted to standard error."""
    if outcome.kind in _AFTER and outcome.error is not None:
        after = _AFTER[outcome.kind]
        complain(f"{file}:{outcome.line}", f"{outcome.kind}: {text_of(outcome.error)} ({after})")


def show_unknown(file: str, line: int) -> None:
    """Write a line about an email that a process began before it was killed."""
    problem = "unknown: an earlier run began this email, and it may have been sent"
    complain(f"{file}:{line}", problem, warning=True)


def _show_error(file: str, first: Outcome, count: int) -> None:
    error = first.error
    more = f" ({_emails(count)})" if count > 1 else ""
    out(f"{one_line(file)}:{first.line}: {one_line(text_of(error))}{more}")
    if isinstance(error, passpost.SendError) and error.hint:
        out(f"  hint: {one_line(error.hint)}")


def _facts(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    facts: dict[str, Any] = {"outcome": outcome.kind, "message": str(error)}
    if isinstance(error, passpost.SendError):
        facts |= {**error.facts(), "outcome": outcome.kind}
    return facts


def _emails(number: int) -> str:
    return f"{number:,} email{'s' * (number != 1)}"
