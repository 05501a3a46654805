"""What all findings come to, and the problems of settings as findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from passpost_tools.doctor.diagnosis import Diagnosis, Result, _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from passpost import ConfigError
    from passpost.phrases import Phrase

HELP: Final = _("help")
"""The label of a remedy."""

WORDS: Final[Mapping[Result, Phrase]] = {
    "ok": _("ok"),
    "skipped": _("skipped"),
    "warning": _("warning"),
    "error": _("error"),
}
"""The results for people, from the best to the worst."""


def worst(found: Sequence[Diagnosis]) -> Result:
    """Return the worst result."""
    order = list(WORDS)
    return max((one.result for one in found), key=order.index, default="ok")


def summed(found: Sequence[Diagnosis]) -> Phrase:
    """Return how many findings there are of each kind that matters."""
    errors, warnings, skipped = (
        sum(one.result == result for one in found) for result in ("error", "warning", "skipped")
    )
    if errors or warnings:
        return _(
            "errors: {errors}, warnings: {warnings}, steps not reached: {skipped}",
            errors=errors,
            warnings=warnings,
            skipped=skipped,
        )
    if skipped:
        return _("no faults found, steps not reached: {skipped}", skipped=skipped)
    return _("no faults found")


def invalid_settings(error: ConfigError, place: str) -> Iterator[Diagnosis]:
    """Yield the problems of settings that cannot be used, and what is not reached for them.

    Args:
        error: The error.
        place: The file, for problems that do not know it.
    """
    for problem in error.problems:
        # Warnings have `passpost check`: none of them is why the settings cannot be used.
        if problem.severity != "error":
            continue
        where = problem.place if problem.file else place
        path = f"{problem.path}: " if problem.path else ""
        yield Diagnosis(
            id=f"settings.{problem.code or 'invalid'}",
            subject=_("settings"),
            result="error",
            evidence=_("{where}: {path}{message}", where=where, path=path, message=problem.message),
            remedy=problem.remedy,
        )
    nothing = _("the settings are not valid")
    yield Diagnosis(
        id="settings.skipped", subject=_("connection"), result="skipped", evidence=nothing
    )
