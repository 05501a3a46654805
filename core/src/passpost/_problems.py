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
    """One error in the settings, or a warning about something that is probably a mistake.

    As text it has the form of compilers, which editors and CI systems understand. It never shows
    the value of a secret::

        smtp.jsonc:3:3: error: prot: unknown setting  [E101]
          help: did you mean `port`?

    Attributes:
        path: The setting: ``templates[0].usageType``. Empty for the settings as a whole.
        message: What is wrong.
        remedy: How to fix it; may be empty.
        severity: ``error`` or ``warning``.
        file: The file that contains the settings, if there is one.
        line: The line in the file, counted from 1.
        column: The character in the line, counted from 1.
        code: The kind of problem: ``E101``, or ``acme-E1`` for a connector's own. It stays the
            same when the words change; ``passpost explain E101`` explains it.
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
        subject = f"{self.path}: " if self.path else ""
        code = f"  [{self.code}]" if self.code else ""
        # A name in it may have been chosen to steer the terminal or the log that shows it.
        line = visible(f"{self.place}: {self.severity}: {subject}{self.message}{code}")
        return f"{line}\n  help: {visible(self.remedy)}" if self.remedy else line


class Invalid(ValueError):  # noqa: N818 - describes the value
    """A setting's value is invalid; raised by the types and rules of config classes.

    Args:
        message: What is wrong. It must not repeat a value that may be secret.
        remedy: How to fix it.
        offset: The first wrong character of the value, counted from 0.
        code: The kind of problem; see `Problem.code`.
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
    """Return problems sorted by file, line and column, without repetitions; unknown places last."""
    unknown = 1 << 60
    return tuple(
        sorted(
            dict.fromkeys(problems),
            key=lambda p: (p.file or "", p.line or unknown, p.column or unknown),
        )
    )
