"""Output for people: formatted with rich on a terminal, plain text elsewhere."""

from __future__ import annotations

from passpost_cli.language import _
from passpost_cli.reading import Facts, Reading
from passpost_cli.terminal import column, is_terminal, one_line, out, shown, stdout, wide


def show_mail(reading: Reading) -> None:
    """Write an email."""
    if is_terminal(stdout()):
        from passpost_cli import pretty  # noqa: PLC0415 - rich is slow to import

        pretty.show_mail(reading)
        return
    out(f"\n--- {one_line(reading.title)}")
    show_facts(reading.headers)
    for part in reading.parts:
        out(f"\n[{part.label}]" if len(reading.parts) > 1 else "")
        out(shown(part.content).rstrip("\n"))


def show_facts(facts: Facts) -> None:
    """Write labels and texts, one pair per line."""
    if is_terminal(stdout()):
        from passpost_cli import pretty  # noqa: PLC0415 - likewise

        pretty.show_facts(facts)
        return
    labels = [_("{label}:", label=label) for label, text in facts]
    width = max((wide(label) for label in labels), default=0)
    for label, (_name, text) in zip(labels, facts, strict=True):
        out(f"{column(label, width)} {one_line(text)}")


def show_heading(text: str) -> None:
    """Write the heading of a part of the output."""
    if is_terminal(stdout()):
        from passpost_cli import pretty  # noqa: PLC0415 - likewise

        pretty.show_heading(text)
    else:
        out(f"\n=== {one_line(text)}")


def show_markdown(text: str) -> None:
    """Write Markdown, formatted on a terminal."""
    if is_terminal(stdout()):
        from passpost_cli import pretty  # noqa: PLC0415 - likewise

        pretty.show_markdown(text)
    else:
        out(shown(text).rstrip("\n"))
