"""Talks to a command on a pseudo-terminal, as a person does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

sys.path.insert(0, str(Path(__file__).parent / "newcomer"))

from operator_answers import Inbox, serving

# A terminal of its own: Ctrl-C is for the process that controls it.
_CONTROL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
_PATIENCE = 60


class Conversation:
    """A command on a terminal, and what was said so far.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environ: What its environment has beside that of the tests; None removes a variable.

    Attributes:
        said: All that the terminal has shown.
    """

    def __init__(self, *command: str, folder: Path, environ: Mapping[str, str | None]) -> None:
        self._ours, theirs = pty.openpty()
        usual = {"TERM": "dumb", "PYTHONUTF8": "1", "COLUMNS": "", "LC_ALL": "en_US.UTF-8"}
        given = {**os.environ, **usual, **environ}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CONTROL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={name: value for name, value in given.items() if value is not None},
            start_new_session=True,
        )
        os.close(theirs)
        self.said = b""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def answer(self, prompt: str, answer: str) -> None:
        """Wait for a question, and write a line."""
        self.expect(prompt)
        os.write(self._ours, answer.encode() + b"\n")

    def interrupt(self, prompt: str) -> None:
        """Wait for a question, and press Ctrl-C."""
        self.expect(prompt)
        os.write(self._ours, b"\x03")

    def expect(self, prompt: str) -> None:
        """Wait until the terminal shows a text after what was waited for before."""
        wanted = prompt.encode()
        while (found := self.said.find(wanted, self._read)) < 0:
            if not self._more():
                raise AssertionError(f"no {prompt!r} in:\n{self.text}")
        self._read = found + len(wanted)

    def ended(self) -> int:
        """Return the exit code, when the command has ended."""
        while self._more():
            pass
        return self._process.wait(_PATIENCE)

    @property
    def text(self) -> str:
        """All that the terminal has shown, as text."""
        return self.said.decode().replace("\r\n", "\n")

    def _more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], _PATIENCE)
        if not ready:
            raise AssertionError(f"nothing more came after:\n{self.text}")
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            # What Linux says of a terminal that everybody has left.
            return False
        self.said += data
        return bool(data)


LANGUAGES = {"en": "en_US.UTF-8", "zh-CN": "zh_CN.UTF-8"}


@pytest.fixture
def talk() -> Callable[..., Conversation]:
    """Return a function that begins ``passpost init`` on a terminal."""

    def begun(
        *arguments: str,
        folder: Path,
        language: str = "en",
        environ: Mapping[str, str] | None = None,
    ) -> Conversation:
        spoken = {"LC_ALL": LANGUAGES[language], **(environ or {})}
        command = (sys.executable, "-m", "passpost", "init", *arguments)
        return Conversation(*command, folder=folder, environ=spoken)

    return begun


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Return the server that the emails go to."""
    with serving() as made:
        yield made


@pytest.fixture
def terminal() -> Callable[..., Conversation]:
    """Return a function that begins any command on a terminal."""
    return Conversation
