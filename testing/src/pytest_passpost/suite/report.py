"""What is said of a suite at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from pytest_passpost.suite.marks import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

_NOT_HTTP: Final = "it speaks no HTTP: the checks of HTTP do not apply"


def lines(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """Return the lines of the summary: the checks of each suite, and the reasons of overrides.

    Args:
        reports: The reports of all tests, those of other tests among them.
    """
    ran: dict[tuple[str, str, int], list[bool]] = defaultdict(list)
    reasons: dict[tuple[str, str, int], dict[str, str]] = defaultdict(dict)
    for report in reports:
        for key, note in report.user_properties:
            # A check whose stand-in does not even start has failed before its call.
            counts = report.when == "call" or (report.when == "setup" and report.failed)
            if key == PROPERTY and counts and isinstance(note, list | tuple):
                name, speaks, length, check, reason = note
                suite = (str(name), str(speaks), int(length))
                ran[suite].append(report.failed)
                if reason:
                    reasons[suite][check] = reason
    for suite, failures in ran.items():
        yield from _suite(suite, failures, reasons[suite])


def _suite(
    suite: tuple[str, str, int], failures: list[bool], reasons: dict[str, str]
) -> Iterator[str]:
    name, speaks, length = suite
    checks = f"{len(failures)} checks of the connector contract"
    if any(failures):
        yield f"passpost: {name}: {sum(failures)} of {checks} failed"
    else:
        yield f"passpost: {name}: {checks}, for {length} lines of code"
    if speaks != "http":
        yield f"  {_NOT_HTTP}"
    for check, reason in reasons.items():
        yield f"  {check} is overridden: {reason}"
