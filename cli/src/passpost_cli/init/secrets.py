"""Where secrets are kept: in the environment or in files, and in the settings only on demand."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from passpost.phrases import Phrases
from passpost_cli.init.asking import Choice

_: Final = Phrases("passpost_cli")

ENVIRONMENT: Final = "environment"
ENV_FILE: Final = "env-file"
FILE: Final = "file"
SETTINGS: Final = "settings"

PLACES: Final = (
    Choice(ENVIRONMENT, _("environment variables, which you set")),
    Choice(ENV_FILE, _("environment variables, written to .env, which only you can read")),
    Choice(FILE, _("a file for each secret, which only you can read")),
)
"""What a person is offered; the settings themselves are not."""

ENV_NAME: Final = ".env"
"""The file of environment variables, beside the settings."""

_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_SET: Final = r"[ \t]*(?:export[ \t]+)?{}="


@attrs.frozen
class Kept:
    """One secret, and where it is kept.

    Attributes:
        path: The setting.
        variable: The environment variable for it.
        place: One of the names above.
        value: The secret; None if nobody has said it yet.
        placeholder: What is written in its place until then.
    """

    path: tuple[str, ...]
    variable: str
    place: str
    value: str | None = attrs.field(default=None, repr=False)
    placeholder: str = "<your-password>"

    @property
    def file(self) -> str:
        """The name of the secret's own file, beside the settings."""
        return f"{self.variable.lower().replace('_', '-')}.secret"

    @property
    def written(self) -> str:
        """What the settings contain."""
        if self.place == SETTINGS:
            return self.known
        return f"${{file:{self.file}}}" if self.place == FILE else f"${{{self.variable}}}"

    @property
    def known(self) -> str:
        """The secret, or the placeholder."""
        return self.value or self.placeholder


def variable(connector: str, path: tuple[str, ...]) -> str:
    """Return the name of an environment variable: ``SMTP_AUTH_PASS``."""
    words = [word for part in (connector, *path) for word in _WORDS.split(part) if word]
    name = "_".join(words).upper()
    return name if name[:1].isalpha() else f"PASSPOST_{name}"


def files(kept: list[Kept], folder: Path) -> dict[Path, str]:
    """Return the files to write, with what they contain."""
    found = {
        folder / one.file: f"{one.known}\n"
        for one in kept
        if one.place == FILE and (one.value or not (folder / one.file).exists())
    }
    lines = [one for one in kept if one.place == ENV_FILE]
    if lines:
        path = folder / ENV_NAME
        found[path] = _with_lines(path, lines)
    return found


def _with_lines(path: Path, kept: list[Kept]) -> str:
    text = content_of(path) or ""
    newline = "\r\n" if "\r\n" in text else "\n"
    for one in kept:
        line = f"{one.variable}={shlex.quote(one.known)}"
        there = re.compile(rf"^{_SET.format(one.variable)}[^\r\n]*", re.MULTILINE)
        if not there.search(text):
            end = newline if text and not text.endswith("\n") else ""
            text = f"{text}{end}{line}{newline}"
        elif one.value:
            text = there.sub(line.replace("\\", "\\\\"), text)
    return text


def is_set(one: Kept, folder: Path) -> bool:
    """Return whether the file of environment variables has a secret."""
    line = f"{one.variable}={shlex.quote(one.placeholder)}"
    return line not in _with_lines(folder / ENV_NAME, [one]).splitlines()


def content_of(path: Path) -> str | None:
    """Return what a file contains, so that `write_private` writes the same bytes; None without one.

    Raises:
        OSError: It cannot be read.
    """
    try:
        # The lines of others need not be UTF-8, and end as they do.
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step by one that only its owner can read.

    Raises:
        OSError: It cannot be written; what was there is unchanged.
    """
    # A link stays one.
    path = Path(os.path.realpath(path))
    # Made with mode 600.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def how_to_set(kept: list[Kept], folder: Path) -> list[str]:
    """Return the commands that set the variables, without a secret."""
    commands = [
        f"export {one.variable}={shlex.quote(one.placeholder)}"
        for one in kept
        if one.place == ENVIRONMENT and one.variable not in os.environ
    ]
    if any(one.place == ENV_FILE for one in kept):
        # Without a slash, a shell looks for the file in `PATH`.
        file = folder / ENV_NAME if folder != Path() else f"./{ENV_NAME}"
        commands.append(f"set -a; . {shlex.quote(str(file))}; set +a")
    return commands
