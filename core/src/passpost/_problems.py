"""What is wrong with settings, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from passpost._text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

Severity = Literal["error", "warning"]


@attrs.frozen
class Problem:
    """One thing that is wrong with settings, or, as a warning, unlikely to be meant.

    The text never shows the value of a secret, and quotes no value where it may be one.

    Attributes:
        path: Where in the settings: ``templates[0].usageType``; empty for the whole.
        message: What is wrong.
        remedy: What to do about it; may be empty.
        severity: ``error`` or ``warning``.
        file: The file that the settings came from, if they came from one.
        line: The line in it, counted from 1.
        column: The character in that line, counted from 1.
        code: Which kind of problem it is: ``E101``, or ``acme-E1`` for a connector's own. It stays
            the same when the words change; ``passpost explain E101`` tells the rest.
    """

    path: str
    message: str
    remedy: str = ""
    severity: Severity = "error"
    file: str | None = None
    line: int | None = None
    column: int | None = None
    code: str | None = attrs.field(default=None, kw_only=True)

    @property
    def place(self) -> str:
        """``file:line:column``, as editors and terminals understand it, as far as it is known."""
        parts = [self.file or "<settings>"]
        if self.line is not None:
            parts += [str(self.line), str(self.column or 1)]
        return ":".join(parts)

    def __str__(self) -> str:
        warning = "warning: " if self.severity == "warning" else ""
        subject = f"{self.path}: " if self.path else ""
        remedy = f" — {self.remedy}" if self.remedy else ""
        # A name in it may have been chosen to steer the terminal or the log that shows it.
        return visible(f"{self.place}: {warning}{subject}{self.message}{remedy}")


class Invalid(ValueError):  # noqa: N818 - says what the value is
    """A setting's value cannot be used; raised by the types and rules of config classes.

    Args:
        message: What is wrong, in words that do not repeat the value: it may be a secret.
        remedy: What to do about it.
        offset: The character of the value, counted from 0, where it goes wrong.
        code: Which kind of problem it is; see `Problem.code`.
    """

    def __init__(
        self, message: str, remedy: str = "", *, offset: int | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.offset = offset
        self.code = code


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems as a reader meets them: by file, line and column; unknown places last.

    What was found twice, by two who looked at the same setting, is said once.
    """
    unknown = 1 << 60
    return tuple(
        sorted(
            dict.fromkeys(problems),
            key=lambda p: (p.file or "", p.line or unknown, p.column or unknown),
        )
    )
