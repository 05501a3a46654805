"""What a batch came to, for people and for programs."""

from __future__ import annotations

from typing import Any, Final

import attrs

import passpost
from passpost.phrases import said
from passpost_cli.batch.tally import Outcome, Tally, text_of
from passpost_cli.exit_codes import ExitCode
from passpost_cli.failures import CommandError
from passpost_cli.language import _, say
from passpost_cli.terminal import advise, column, complain, labelled, one_line, out, out_json

_AFTER: Final = {
    "rejected": _("the email was not sent"),
    "unknown": _("the email may have been sent"),
}
_KINDS: Final = {"rejected": _("rejected"), "unknown": _("unknown")}
_TIME: Final = _("time")
_HINT: Final = _("hint")
_LABELS: Final = 14
"""Columns of the labels."""


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
        accepted = _(
            "{accepted:,} of {emails} accepted",
            accepted=tally.accepted,
            emails=_emails(tally.total),
        )
        out(f"{one_line(self.file)}: {say(accepted)}")
        for label, number in self._numbers():
            out(f"  {column(label, _LABELS)} {number:,}")
        lasted = _("in {seconds:.2f}s{rate}", seconds=self.seconds, rate=self._rate())
        out(f"  {column(_TIME, _LABELS)} {say(lasted)}")
        for repeated in tally.errors.values():
            _show_error(self.file, repeated.first, repeated.count)
        if self.reason is not None:
            complain(self.file, said(self.reason), self.reason.remedy)
        elif self.remedy:
            advise(self.remedy)

    def show_json(self) -> None:
        """Write it for programs."""
        document: dict[str, Any] = {"ok": self.exit_code is ExitCode.DONE}
        if self.exit_code is not ExitCode.DONE:
            document["error"] = {
                "kind": self.reason.kind if self.reason else "batch",
                "message": self._message,
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
            return _("to send what is missing, repeat the command with --resume")
        if self.tally.unknown:
            return _("check whether they arrived; --resume --resend-unknown sends them once more")
        return ""

    @property
    def _message(self) -> str:
        if self.reason is not None:
            return said(self.reason)
        failed = self.tally.total - self.tally.accepted
        return _("{emails} not accepted", emails=_emails(failed))

    def _numbers(self) -> list[tuple[str, int]]:
        tally = self.tally
        optional = [(_("replayed"), tally.replayed), (_("ended earlier"), tally.earlier)]
        return [
            (_("accepted"), tally.accepted),
            (_("rejected"), tally.rejected),
            (_("unknown"), tally.unknown),
            (_("not attempted"), tally.not_attempted),
            *(one for one in optional if one[1]),
        ]

    def _rate(self) -> str:
        sent = self.tally.ended - self.tally.earlier
        if self.seconds < 1:
            return ""
        return _(", {rate:,.0f} emails/s", rate=sent / self.seconds)


def show_outcome(file: str, outcome: Outcome) -> None:
    """Write a line about an email that was not accepted to standard error."""
    if outcome.kind in _AFTER and outcome.error is not None:
        problem = _(
            "{outcome}: {text} ({after})",
            outcome=_KINDS[outcome.kind],
            text=text_of(outcome.error),
            after=_AFTER[outcome.kind],
        )
        complain(f"{file}:{outcome.line}", problem)


def show_unknown(file: str, line: int) -> None:
    """Write a line about an email that a process began before it was killed."""
    problem = _("unknown: an earlier run began this email, and it may have been sent")
    complain(f"{file}:{line}", problem, warning=True)


def _show_error(file: str, first: Outcome, count: int) -> None:
    error = first.error
    text = text_of(error)
    if count > 1:
        text = _("{text} ({emails})", text=text, emails=_emails(count))
    out(f"{one_line(file)}:{first.line}: {one_line(say(text))}")
    if isinstance(error, passpost.SendError) and error.hint:
        out(f"  {labelled(_HINT, one_line(say(error.hint)))}")


def _facts(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    facts: dict[str, Any] = {"outcome": outcome.kind, "message": said(error) if error else "None"}
    if isinstance(error, passpost.SendError):
        facts |= {**error.facts(), "outcome": outcome.kind}
    return facts


def _emails(number: int) -> str:
    return _("1 email") if number == 1 else _("{number:,} emails", number=number)
