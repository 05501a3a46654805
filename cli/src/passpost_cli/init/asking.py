"""Asks on a terminal; elsewhere, notes which options are missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs
import click

from passpost.phrases import Phrases, translated
from passpost_cli.failures import CommandError
from passpost_cli.terminal import complain, err, one_line

_: Final = Phrases("passpost_cli")

T = TypeVar("T")


class Invalid(Exception):  # noqa: N818 - it says what the answer is
    """An answer is not valid.

    Attributes:
        message: What is wrong with it.
        remedy: What to do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@attrs.frozen
class Choice:
    """One of several answers.

    Attributes:
        id: What options call it.
        text: What it is, in the reader's language.
    """

    id: str
    text: str


class Asker:
    """Asks one question after the other, in the reader's language.

    Args:
        language: The language, as a BCP 47 tag.
        defaults: Whether to take the defaults and ask nothing.
    """

    def __init__(self, language: str, *, defaults: bool) -> None:
        self.language = language
        self.asks = not defaults and sys.stdin.isatty() and sys.stderr.isatty()
        self._defaults = defaults
        self._missing: list[str] = []

    def say(self, text: str) -> None:
        """Write a line for people, if there is somebody who answers."""
        if self.asks:
            err(one_line(translated(text, self.language)))

    def complain(self, error: Invalid) -> None:
        """Write what is wrong with an answer."""
        words = (translated(text, self.language) for text in (error.message, error.remedy))
        complain("passpost init", *words)

    def ask(
        self,
        prompt: str,
        read: Callable[[str], T],
        *,
        option: str | None,
        default: str | None = None,
        hidden: bool = False,
    ) -> T | None:
        """Return the answer to a question; None if there is none.

        Args:
            prompt: The question.
            read: Turns an answer into what it means, or raises `Invalid`.
            option: The option that answers it; None if it need not be answered.
            default: The answer of who only presses Enter.
            hidden: Whether the answer is not shown.
        """
        if self.asks:
            return self._until_valid(prompt, read, default, hidden=hidden)
        if default is not None and (self._defaults or option is None):
            return read(default)
        if option is not None:
            self._missing.append(option)
        return None

    def choose(
        self,
        question: str,
        choices: Sequence[Choice],
        *,
        option: str,
        default: str | None = None,
    ) -> str | None:
        """Return which of several answers a person chooses, by number or name."""
        self.say(question)
        width = max(len(choice.id) for choice in choices)
        for number, choice in enumerate(choices, 1):
            if self.asks:
                err(f"  {number:>2}  {choice.id:<{width}}  {one_line(choice.text)}")
        known = [choice.id for choice in choices]
        prompt = _("Number or name")
        return self.ask(prompt, lambda text: chosen(text, known), option=option, default=default)

    def confirm(self, question: str) -> bool:
        """Return whether a person agrees; without a terminal, the command line has agreed."""
        return bool(self.ask(question, _agreed, option=None, default="y"))

    def require_all(self) -> None:
        """Raise an error that names all options that are missing."""
        if not self._missing:
            return
        missing = tuple(dict.fromkeys(self._missing))
        raise self.error(
            _("nobody can be asked here, and these are missing: {options}", options=missing),
            _("add them; --yes accepts the default of everything that has one"),
        )

    def error(self, message: str, remedy: str) -> CommandError:
        """Return an error in the reader's language."""
        return CommandError(translated(message, self.language), translated(remedy, self.language))

    def invalid(self, option: str, error: Invalid) -> CommandError:
        """Return an error that says what is wrong with an option."""
        message = _("{option}: {problem}", option=option, problem=error.message)
        return self.error(message, error.remedy)

    def _until_valid(
        self, prompt: str, read: Callable[[str], T], default: str | None, *, hidden: bool
    ) -> T:
        shown = f" [{one_line(default)}]" if default else ""
        question = f"{translated(prompt, self.language)}{shown}: "
        while True:
            try:
                answer = _line(question, hidden=hidden).strip()
                if not answer and default is None:
                    continue
                return read(answer or default or "")
            except Invalid as error:
                self.complain(error)


def chosen(text: str, known: Sequence[str]) -> str:
    """Return which of several names a text means: its number, or the name.

    Raises:
        Invalid: None of them.
    """
    if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(known):
        return known[int(text) - 1]
    if text in known:
        return text
    raise Invalid(_("unknown"), _("choose one of {names}", names=tuple(known)))


def _agreed(answer: str) -> bool:
    if answer.lower() in ("y", "yes", "是"):
        return True
    if answer.lower() in ("n", "no", "否"):
        return False
    raise Invalid(_("neither yes nor no"), _("write y or n"))


def _line(prompt: str, *, hidden: bool) -> str:
    """Return the line that a person writes.

    Raises:
        Abort: The input has ended.
    """
    try:
        if hidden:
            from getpass import getpass  # noqa: PLC0415 - few questions are secret

            # It shows the prompt itself, once nothing that is typed can be seen any more.
            return getpass(prompt, stream=sys.stderr)
        click.echo(prompt, nl=False, err=True)
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        raise Invalid(_("not valid UTF-8")) from None
    except EOFError:
        line = ""
    if not line:
        click.echo(err=True)
        raise click.Abort
    return line
