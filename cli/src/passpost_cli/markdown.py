"""Markdown on a terminal: source can be copied from it, and no cell of a table is cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.markdown import CodeBlock, ListItem, Markdown, TableElement
from rich.segment import Segment
from rich.syntax import Syntax

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

_BULLET: Final = " • "


class _Source(CodeBlock):
    """A block of source: whatever the width, its lines are neither broken nor cut nor padded."""

    def lines(self) -> Iterator[Text]:
        """Return its lines, highlighted."""
        text = Syntax("", self.lexer_name, theme=self.theme).highlight(str(self.text))
        text.rstrip()
        yield from text.split("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines():
            yield from line.render(console, end="\n")


class _Item(ListItem):
    """An item of a list, whose source may be wider than the terminal."""

    def render_bullet(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the item of a list without numbers."""
        return self._rendered(console, options, _BULLET)

    def render_number(
        self, console: Console, options: ConsoleOptions, number: int, last_number: int
    ) -> RenderResult:
        """Render the item of a numbered list."""
        return self._rendered(console, options, f" {number:>{len(str(last_number))}} ")

    def _rendered(self, console: Console, options: ConsoleOptions, mark: str) -> RenderResult:
        inner = options.update(width=max(1, options.max_width - len(mark)))
        style = console.get_style("markdown.item.number", default="none")
        for line in self._lines(console, inner):
            yield Segment(mark, style)
            yield from line
            yield Segment.line()
            mark = " " * len(mark)

    def _lines(self, console: Console, options: ConsoleOptions) -> Iterator[Iterable[Segment]]:
        # rich annotates its iterator as an Iterable.
        elements: Any = self.elements
        for element in elements:
            if isinstance(element, _Source):
                for line in element.lines():
                    yield line.render(console)
            else:
                yield from console.render_lines(element, options, style=self.style, pad=False)


class _Table(TableElement):
    """A table whose long words go on in the next line, rather than end in an ellipsis."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tables: Any = super().__rich_console__(console, options)
        for table in tables:
            for column in table.columns:
                column.overflow = "fold"
            yield table


class Guide(Markdown):
    """A guide as it is shown on a terminal."""

    elements = {  # noqa: RUF012 - as the base class has it
        **Markdown.elements,
        "fence": _Source,
        "code_block": _Source,
        "list_item_open": _Item,
        "table_open": _Table,
    }
