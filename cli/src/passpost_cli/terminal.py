"""Writes to terminals, pipes and files, and lets no text steer a terminal."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final, TextIO
from unicodedata import east_asian_width

import click

from passpost._text import visible
from passpost_cli.exit_codes import ExitCode
from passpost_cli.language import _, for_programs, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The characters of an email's body that steer a terminal. Tabs, line feeds and the direction marks
# of Arabic and Hebrew are allowed, unlike in passpost's own lines; direction overrides are not.
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACES: Final = re.compile(r"[ \t\r\n]+")

_HELP: Final = _("help")

# ASCII for the characters that passpost's own texts use.
_PLAINER: Final = {"—": "-", "…": "..."}


def shown(text: str) -> str:
    r"""Return a text with everything that steers a terminal escaped: ``\x1b``."""
    return _STEERING.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return a text as one line, with everything that steers a terminal escaped."""
    return visible(_SPACES.sub(" ", text).strip())


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def prepare_streams() -> None:
    """Make every character writable, whatever the encoding of the terminal."""
    codecs.register_error("passpost", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="passpost")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    refused = error.object[error.start : error.end]
    return "".join(_PLAINER.get(character, "?") for character in refused), error.end


class _Aside(io.TextIOBase):
    """Standard output for plugins: what they print must not mix with the JSON for programs."""

    def writable(self) -> bool:
        """Return that it is writable."""
        return True

    def write(self, text: str) -> int:
        """Write to standard error instead."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()


_mine: list[TextIO] = []
"""The real standard output, one for each running command."""


def stdout() -> TextIO:
    """Return the stream of the command's own output."""
    return _mine[-1] if _mine else sys.stdout


@contextmanager
def own_stdout() -> Iterator[None]:
    """Keep standard output for the command: what plugins print goes to standard error.

    A plugin may close or replace its stream; the real one is restored afterwards.
    """
    _mine.append(sys.stdout)
    sys.stdout = _Aside()
    try:
        yield
    finally:
        sys.stdout = _mine.pop()


def is_terminal(stream: IO[str]) -> bool:
    """Return whether the stream is a terminal that supports more than plain text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def out(text: str = "") -> None:
    """Write a line to standard output."""
    _write(text, stdout())


def err(text: str) -> None:
    """Write a line to standard error."""
    _write(text, sys.stderr)


def _write(text: str, stream: IO[str]) -> None:
    # Lines are always styled; click removes the styles if necessary.
    colored = is_terminal(stream) and not os.environ.get("NO_COLOR")
    click.echo(say(text), file=stream, color=colored)


def complain(  # noqa: PLR0913 - each is one part of what is written
    place: str,
    problem: str,
    remedy: str = "",
    *,
    warning: bool = False,
    code: str | None = None,
    excerpt: Sequence[str] = (),
) -> None:
    """Write a problem to standard error in the form of `passpost.Problem`.

    Args:
        place: File, line and column.
        problem: What is wrong.
        remedy: How to fix it.
        warning: Whether it is a warning.
        code: Which kind of problem it is.
        excerpt: Lines that show the place, which are safe to write.
    """
    label = click.style("warning", fg="yellow") if warning else click.style("error", fg="red")
    tail = f"  [{one_line(code)}]" if code else ""
    # Editors read this form: the severity is not translated.
    err(f"{click.style(one_line(place), bold=True)}: {label}: {one_line(say(problem))}{tail}")
    for line in excerpt:
        err(line)
    if remedy:
        advise(remedy)


def advise(remedy: str) -> None:
    """Write how to fix a problem to standard error."""
    err(f"  {labelled(click.style(say(_HELP), fg='cyan'), one_line(say(remedy)))}")


def labelled(label: str, text: str) -> str:
    """Return a text behind its label."""
    return say(_("{label}: {text}", label=label, text=text))


def column(label: str, width: int) -> str:
    """Return a label in the reader's language, filled up to a number of columns."""
    return say(label) + " " * (width - wide(label))


def wide(label: str) -> int:
    """Return how many columns a label takes in the reader's language."""
    text = say(label)
    return len(text) + sum(east_asian_width(character) in "WF" for character in text)


def out_json(document: Any) -> None:
    """Write one JSON document to standard output, readable if the encoding allows it."""
    import json  # noqa: PLC0415 - most commands speak to people

    ascii_only = not (stdout().encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(for_programs(document), indent=2, ensure_ascii=ascii_only)
    # In JSON these characters occur only in strings, where the escape means the same.
    out(_STEERING.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


@contextmanager
def watching_pipes() -> Iterator[None]:
    """End the program quietly if the output pipe is closed."""
    try:
        yield
    except BrokenPipeError:
        silence()
        raise click.exceptions.Exit(ExitCode.PIPE_CLOSED) from None


def silence() -> None:
    """Discard what is still buffered, so that the interpreter does not complain when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
            # This stream is still open.
            continue
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
