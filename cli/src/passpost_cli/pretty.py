"""Writes to terminals with rich. Texts are never read as rich's own markup."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Final

import click
from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from passpost_cli.markdown import Guide
from passpost_cli.terminal import one_line, shown, stdout

if TYPE_CHECKING:
    from passpost_cli.reading import Facts, Part, Reading

_WIDEST: Final = 100
"""Columns; longer lines are hard to read."""

_CODE_THEME: Final = "ansi_dark"
"""The terminal's own colors: only it knows whether its background is dark or light."""


class Terminal(Console):
    """A console that raises an error when its pipe is closed."""

    def __init__(self) -> None:
        # Without highlighting of numbers and the like in the text of an email.
        super().__init__(file=stdout(), highlight=False, markup=False, emoji=False)
        self.width = min(self.width, _WIDEST)

    def on_broken_pipe(self) -> None:
        """Raise the error that rich would turn into exit code 1."""
        raise  # noqa: PLE0704 - rich calls this while it handles the error


def show_mail(reading: Reading) -> None:
    """Write an email in a frame."""
    bodies = [body for part in reading.parts for body in _body(part, alone=len(reading.parts) == 1)]
    panel = Panel(
        Group(_grid(reading.headers), *bodies),
        title=Text(one_line(reading.title), "bold"),
        title_align="left",
        border_style="dim",
        box=ROUNDED,
        padding=(0, 1),
    )
    Terminal().print(panel)


def show_facts(facts: Facts) -> None:
    """Write labels and texts side by side."""
    Terminal().print(_grid(facts))


def show_heading(text: str) -> None:
    """Write the heading of a part of the output."""
    Terminal().print(Text(), Text(one_line(text), "bold"), sep="\n")


def show_markdown(text: str) -> None:
    """Write formatted Markdown, through the pager that ``PAGER`` names, if any."""
    guide = Guide(shown(text), code_theme=_CODE_THEME)
    terminal = Terminal()
    if not os.environ.get("PAGER"):
        terminal.print(guide, crop=False)
        return
    with terminal.capture() as captured:
        terminal.print(guide, crop=False)
    with redirect_stdout(stdout()):
        click.echo_via_pager(captured.get(), color=True)


def _body(part: Part, *, alone: bool) -> list[RenderableType]:
    heading = [] if alone else [Rule(Text(part.label, "dim"), style="dim", align="left")]
    return [Text(), *heading, _content(part)]


def _content(part: Part) -> RenderableType:
    content = shown(part.content).rstrip("\n")
    if not part.markup:
        return Text(content)
    return Syntax(content, "html", theme=_CODE_THEME, word_wrap=True)


def _grid(rows: Facts) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(label), Text(one_line(text)))
    return grid
