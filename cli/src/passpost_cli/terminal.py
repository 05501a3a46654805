"""Writes to the terminal, to pipes and to files, and lets nothing steer the terminal."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

import click

from passpost._text import visible
from passpost_cli import status

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a body may not bring to a terminal. Unlike a line of our own it keeps tabs, line feeds and
# the marks of direction that Arabic and Hebrew mails are written with; overrides of direction go.
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACES: Final = re.compile(r"[ \t\r\n]+")

# What plain ASCII says in place of the characters that our own texts use.
_PLAINER: Final = {"—": "-", "…": "..."}


def shown(text: str) -> str:
    r"""Give a text with everything that steers a terminal written out: ``\x1b``."""
    return _STEERING.sub(_written_out, text)


def one_line(text: str) -> str:
    """Give a text on one line, with everything that steers a terminal written out."""
    return visible(_SPACES.sub(" ", text).strip())


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def prepare_streams() -> None:
    """Let no character fail to be written, whatever the encoding of the terminal."""
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
    """What a plugin takes for standard output: its prints must not spoil what a program reads."""

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Write to standard error instead."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Write what standard error still has in memory."""
        sys.stderr.flush()


_mine: list[TextIO] = []
"""Standard output while plugins do not have it: one stream for each command under way."""


def stdout() -> TextIO:
    """Return the stream of the command's own output."""
    return _mine[-1] if _mine else sys.stdout


@contextmanager
def own_stdout() -> Iterator[None]:
    """Keep standard output for the command: what plugins print goes to standard error.

    A plugin may close what it has, or put something else there; ours is back afterwards.
    """
    _mine.append(sys.stdout)
    sys.stdout = _Aside()
    try:
        yield
    finally:
        sys.stdout = _mine.pop()


def is_terminal(stream: IO[str]) -> bool:
    """Say whether a person reads the stream on a terminal that knows more than plain text."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def out(text: str = "") -> None:
    """Write a line to standard output."""
    _write(text, stdout())


def err(text: str) -> None:
    """Write a line to standard error."""
    _write(text, sys.stderr)


def _write(text: str, stream: IO[str]) -> None:
    # Lines are styled in any case; click takes the styles out where they are not wanted.
    coloured = is_terminal(stream) and not os.environ.get("NO_COLOR")
    click.echo(text, file=stream, color=coloured)


def complain(
    place: str, problem: str, remedy: str = "", *, warning: bool = False, code: str | None = None
) -> None:
    """Write a problem to standard error in the form of `passpost.Problem`."""
    label = click.style("warning", fg="yellow") if warning else click.style("error", fg="red")
    tail = f"  [{one_line(code)}]" if code else ""
    err(f"{click.style(one_line(place), bold=True)}: {label}: {one_line(problem)}{tail}")
    if remedy:
        err(f"  {click.style('help', fg='cyan')}: {one_line(remedy)}")


def out_json(document: Any) -> None:
    """Write one JSON document to standard output: readable where the encoding allows it."""
    import json  # noqa: PLC0415 - most commands speak to people

    ascii_only = not (stdout().encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(document, indent=2, ensure_ascii=ascii_only)
    # Within JSON these can stand in texts alone, where the escape says the same.
    out(_STEERING.sub(lambda match: f"\\u{ord(match.group()):04x}", text))


@contextmanager
def watching_pipes() -> Iterator[None]:
    """End the program quietly once nobody reads its output any more."""
    try:
        yield
    except BrokenPipeError:
        silence()
        raise click.exceptions.Exit(status.PIPE_CLOSED) from None


def silence() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
            # Somebody reads this one.
            continue
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
