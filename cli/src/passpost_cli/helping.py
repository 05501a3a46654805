"""What ``--help`` says, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from unicodedata import east_asian_width

import click

from passpost.phrases import Phrases
from passpost_cli.language import _, say

# What click itself says.
_CLICKS: Final = (_("Options"), _("Show this message and exit."))

# What click appends to the text of an option: "  [default: 0; 0<=x<=9; required]".
_NOTED: Final = re.compile(r"(?P<text>.*?)(?:  \[(?P<notes>[^\]]+)\])?", re.DOTALL)
_DEFAULT: Final = "default: "
# A line that keeps its form: "  130  interrupted (SIGINT)".
_LINE: Final = re.compile(r"(?P<before>\s*(?:\S+\s{2,})?)(?P<text>.*)")
_VERBATIM: Final = "\b"

# A line may end between these, but not before a mark that closes something.
_PIECE: Final = re.compile(r"[^\s\u3000-\u9fff\uff00-\uffef]+|\s+|.[，。；：、！？）》”]*")


def verbatim(title: str, *lines: str) -> str:
    """Return the part of an epilog whose lines keep their form."""
    return "\n".join((_VERBATIM, title, *lines))


def json_forms(forms: str) -> str:
    """Return the part of an epilog that shows what ``--json`` prints."""
    return verbatim(_("The JSON document:"), forms)


class Formatter(click.HelpFormatter):
    """Writes help in the reader's language.

    It looks up what click gives it, which has lost its form as a phrase: paragraphs, and the texts
    of options. English help is left to click.
    """

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, args, prefix or say(_("Usage: ")))

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        said = _found(heading)
        if said is None:
            super().write_heading(heading)
        else:
            self.write(f"{'':>{self.current_indent}}{said}：\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; those that are translated are wrapped by the width of their signs."""
        for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
            if number:
                self.write("\n")
            self._write_paragraph(paragraph)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options or commands with their texts."""
        rows = list(rows)
        said = [_noted(text) for _, text in rows]
        if all(one is None for one in said):
            super().write_dl(rows, col_max, col_spacing)
            return
        column = min(max(len(name) for name, _ in rows), col_max) + col_spacing
        for (name, text), own in zip(rows, said, strict=True):
            start = " " * (column + self.current_indent)
            head = f"{'':>{self.current_indent}}{name}".ljust(len(start))
            self.write(head if len(name) <= column - col_spacing else f"{head.rstrip()}\n{start}")
            width = self.width - len(start)
            self.write(f"\n{start}".join(_wrapped(own or text, width)) + "\n")

    def _write_paragraph(self, paragraph: str) -> None:
        indent = " " * self.current_indent
        first, *lines = paragraph.strip("\n").split("\n")
        if first.strip() == _VERBATIM:
            self.write("".join(f"{indent}{_line(line)}\n" for line in lines))
            return
        said = _found(" ".join(paragraph.split()))
        if said is None:
            super().write_text(paragraph)
            return
        width = self.width - self.current_indent
        self.write("".join(f"{indent}{line}\n" for line in _wrapped(said, width)))


class Context(click.Context):
    """The context of a command whose help is in the reader's language."""

    formatter_class = Formatter


def summary_of(command: click.Command) -> str:
    """Return the first sentence of a command's help, which an extension may bring."""
    first = " ".join((command.short_help or command.help or "").partition("\n\n")[0].split())
    package = getattr(command.callback, "__module__", "").partition(".")[0]
    said = say(Phrases(package)(first)) if package and first else first
    return said if said != first else command.get_short_help_str(limit=60)


def _found(text: str) -> str | None:
    """Return the translation of a text; None if there is none in the reader's language."""
    for package in _packages():
        said = say(Phrases(package)(text))
        if said != text:
            return said
    return None


def _packages() -> Iterator[str]:
    """Yield the packages whose texts a command shows: its own, which an extension may bring."""
    ctx = click.get_current_context(silent=True)
    callback = ctx.command.callback if ctx is not None else None
    yield from dict.fromkeys((getattr(callback, "__module__", "").partition(".")[0], __package__))


def _noted(text: str) -> str | None:
    match = _NOTED.fullmatch(text)
    if match is None or (said := _found(" ".join(match["text"].split()))) is None:
        return None
    return said + "".join(_note(one) for one in (match["notes"] or "").split("; ") if one)


def _note(note: str) -> str:
    if note.startswith(_DEFAULT):
        return say(_("[default: {value}]", value=note.removeprefix(_DEFAULT)))
    return say(_("[required]")) if note == "required" else f" [{note}]"


def _line(line: str) -> str:
    match = _LINE.fullmatch(line)
    if match is None or not match["text"]:
        return line
    return f"{match['before']}{_found(match['text']) or match['text']}"


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text in which not only blanks separate what can be on one line."""
    lines, taken = [""], 0
    for piece in _PIECE.findall(text):
        wide = sum(2 if east_asian_width(sign) in "WF" else 1 for sign in piece)
        if taken and taken + wide > width:
            lines.append("")
            taken = 0
        if taken or not piece.isspace():
            lines[-1] += piece
            taken += wide
    return [line.rstrip() for line in lines]
