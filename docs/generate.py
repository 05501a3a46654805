"""Writes what is generated into the pages: what commands print, and the table of settings.

Run it from anywhere in a checkout, in an environment that has all packages::

    python docs/generate.py           # rewrite the pages that are out of date
    python docs/generate.py --check   # only name them, and exit with status 1

On a page, a block that begins with a comment such as ``// passpost.jsonc`` or ``# send.py`` is a
file. A block ``console`` holds commands after ``$`` and what they print. The commands of a page run
in order, in one folder, with a mail server on this machine in place of ``smtp.example.com``.
"""  # noqa: INP001 - a script, not a package

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

import attrs

from passpost import config
from passpost_cli.scaffold.guide import updated
from pytest_passpost import SmtpServer
from pytest_passpost.servers.certificates import default_authority

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parent.parent

BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME: Final = re.compile(r"(?://|#) ([\w.-]+)\n")
COMMAND: Final = re.compile(r"^\$ (.*(?:\\\n.*)*)\n", re.MULTILINE)

_CLASS: Final = re.compile(
    r"^<!-- class ([\w.:]+) -->\n(.*?)^<!-- class end -->$", re.DOTALL | re.MULTILINE
)
"""Where the table of another class of settings is, named as an entry point names it."""

_TABLE: Final = "<!-- reference: start -->"

HOST: Final = "smtp.example.com"
PORT: Final = "587"
USERS: Final = {"no-reply@example.com": "correct-horse"}
"""Who may send through the server that stands in for `HOST`."""

ELSEWHERE: Final = ("pip", "make", "git", "twine")
"""Commands that need a network or this repository; other tests run them."""

SAME_EACH_TIME: Final = (
    (re.compile(r"<[0-9a-f]{32}@"), "<1a2832a6fc5c51221653942e47056c8a@"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00"), "2026-01-02T03:04:05.678+00:00"),
    (re.compile(r"\bin \d+\.\d\ds\b"), "in 0.12s"),
    (re.compile(r"127\.0\.0\.1:\d{4,5}"), "127.0.0.1:2525"),
    (re.compile(r"\b\d\.\d\d s  "), "0.01 s  "),
    (re.compile(r"(?:, ::1|::1, )"), ""),
)
"""What differs from run to run, and what a page shows instead."""


def pages(root: Path = ROOT) -> Iterator[Path]:
    """Return the pages in which something is generated."""
    for page in sorted([*root.glob("README*.md"), *root.glob("docs/*/**/*.md")]):
        text = page.read_text("utf-8")
        if "```console\n" in text or _TABLE in text:
            yield page


def rewritten(text: str, language: str = "en") -> str:
    """Return a page with what its commands print now, and with the settings as they are now."""
    if _TABLE in text:
        text = updated(text, "smtp", config.ApplicationSettings, language)
    text = _CLASS.sub(lambda block: _described(block[1], language), text)
    with _machine() as machine:
        return BLOCK.sub(lambda block: _played(block, machine), text)


def _described(name: str, language: str) -> str:
    table = config.reference_table(resolve_name(name), language)
    return f"<!-- class {name} -->\n\n{table}\n<!-- class end -->"


def language_of(page: Path) -> str:
    """Return the language of a page, as a BCP 47 tag."""
    return "zh-CN" if "zh-CN" in str(page) else "en"


def _played(block: re.Match[str], machine: Machine) -> str:
    language, text = block.groups()
    if language != "console":
        if name := NAME.match(text):
            # CSV has no comments.
            machine.write(name[1], text[name.end() :] if language == "csv" else text)
        return block[0]
    commands = [match[1] for match in COMMAND.finditer(text)]
    printed = "".join(f"$ {command}\n{machine.run(command)}" for command in commands)
    return f"```console\n{printed}```"


@attrs.frozen
class Machine:
    """A reader's machine, with a mail server in place of `HOST`.

    Attributes:
        folder: Where commands run.
        port: The port of the mail server.
        environ: The variables of commands.
    """

    folder: Path
    port: str
    environ: dict[str, str]

    def write(self, name: str, text: str) -> None:
        """Write a file of the page; only the address of the server differs."""
        if HOST in text:
            text = text.replace(HOST, "localhost").replace(
                f'"port": {PORT}', f'"port": {self.port}'
            )
        (self.folder / name).write_text(text, "utf-8")

    def run(self, command: str) -> str:
        """Return what a command prints, on standard output and standard error."""
        words = shlex.split(command, comments=True)
        if words[0] in ELSEWHERE or words[:3] == ["python", "-m", "pip"]:
            return ""
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environ[name] = value
            return ""
        done = subprocess.run(  # noqa: S603 - the pages are this repository's own
            ["/bin/bash", "-c", command],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed = done.stdout.replace(f"localhost:{self.port}", f"{HOST}:{PORT}")
        for pattern, same in SAME_EACH_TIME:
            printed = pattern.sub(same, printed)
        return _of_smtp(printed) if words == ["passpost", "demo"] else printed


@contextmanager
def _machine() -> Iterator[Machine]:
    with (
        tempfile.TemporaryDirectory() as home,
        SmtpServer(tls="starttls", auth=USERS, name=HOST) as server,
    ):
        folder = Path(home) / "folder"
        folder.mkdir()
        environ = {
            "PATH": f"{_programs(Path(home))}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "PYTHONWARNINGS": "error",
            "SSL_CERT_FILE": str(default_authority().write_pem(Path(home) / "ca.pem")),
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
        }
        yield Machine(folder, str(server.port), environ)


def _programs(home: Path) -> Path:
    """Make the programs that a reader has after installing."""
    folder = home / "bin"
    folder.mkdir()
    for name, arguments in (("python", ""), ("passpost", "-m passpost")):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    return folder


def _of_smtp(printed: str) -> str:
    """Return what of the demonstration comes from the connector that ``passpost[demo]`` brings."""
    parts = re.split(r"^(?==== )", printed, flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith("=== SMTP")).strip() + "\n"


def stale(found: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Return the pages that are out of date, and what they should be."""
    for page in found:
        text = page.read_text("utf-8")
        if (now := rewritten(text, language_of(page))) != text:
            yield page, now


def main() -> int:
    """Rewrite the pages, or check them; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only name the pages out of date")
    check = parser.parse_args().check
    found = list(stale(pages()))
    for page, now in found:
        if not check:
            page.write_text(now, "utf-8")
        verb = "is out of date" if check else "rewritten"
        sys.stdout.write(f"{page.relative_to(ROOT)}: {verb}\n")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
