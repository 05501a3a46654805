"""The clients that are measured side by side, each a process of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final, NamedTuple, cast

CLIENTS: Final = Path(__file__).with_name("clients")

NODEMAILER: Final = "10.6.0"
"""The version that is installed where there is none."""

USER: Final = "no-reply@example.com"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of the benchmark's own servers
CONNECTIONS: Final = 5
"""Connections at once, for every client; what passpost and nodemailer do if not told otherwise."""


class Measured(NamedTuple):
    """What a client reports of one order.

    Attributes:
        mails: How many were sent.
        seconds: How long that took.
        cpu: CPU seconds of its process.
        each: Seconds of each email, if they were asked for.
        peak: Its largest memory so far, in octets; 0 where the system does not say.
    """

    mails: int
    seconds: float
    cpu: float
    each: list[float]
    peak: int


class Client(NamedTuple):
    """One way to send emails.

    Attributes:
        name: Its name in the tables.
        command: How its process is started, less the job.
        speaks_tls: Whether it can be measured with TLS.
        own_memory: Whether its process does the work itself, so that its memory means something.
    """

    name: str
    command: tuple[str, ...]
    speaks_tls: bool = True
    own_memory: bool = True

    @contextlib.contextmanager
    def running(self, job: dict[str, Any]) -> Iterator[Running]:
        """Start a fresh process with a job; see ``clients/job.py``."""
        program, script, *options = self.command
        with subprocess.Popen(
            [program, str(CLIENTS / script), json.dumps(job), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield Running(self, process)
            finally:
                cast("IO[str]", process.stdin).close()


class Running:
    """A client that waits for orders."""

    def __init__(self, client: Client, process: subprocess.Popen[str]) -> None:
        self.client = client
        self._status = Path(f"/proc/{process.pid}/status")
        self._input = cast("IO[str]", process.stdin)
        self._output = cast("IO[str]", process.stdout)
        self._read()

    def send(self, mails: int, at_once: int, *, each: bool = False) -> Measured:
        """Have emails sent, so many at a time."""
        order = {"mails": mails, "at_once": at_once, "each": each}
        self._input.write(json.dumps(order) + "\n")
        self._input.flush()
        return Measured(**json.loads(self._read()), peak=self._peak())

    def _peak(self) -> int:
        # Not getrusage: there a process begins with what the one had that started it.
        if not self._status.exists():
            return 0
        found = re.search(r"^VmHWM:\s*(\d+) kB", self._status.read_text("ascii"), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def _read(self) -> str:
        line = self._output.readline()
        if not line:
            raise RuntimeError(f"{self.client.name} gave up; its words are above")
        return line


def job(port: int, content: str, *, html: bool, authority: str = "") -> dict[str, Any]:
    """Describe what clients have to send, and where to."""
    return {
        "host": "127.0.0.1",
        "port": port,
        "authority": authority,
        "user": USER if authority else "",
        "password": PASSWORD if authority else "",
        "connections": CONNECTIONS,
        "html": html,
        "content": content,
    }


def _python(script: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, script, *options)


PASSPOST: Final = Client("passpost, asyncio", _python("passpost_client.py"))
PASSPOST_UVLOOP: Final = Client("passpost, uvloop", _python("passpost_client.py", "uvloop"))
PASSPOST_BLOCKING: Final = Client("passpost, blocking", _python("passpost_blocking_client.py"))
NODEMAILER_POOL: Final = Client("nodemailer, pool", ("node", "nodemailer_client.mjs", "pool"))
NODEMAILER_NEW: Final = Client("nodemailer, new", ("node", "nodemailer_client.mjs", "new"))
AIOSMTPLIB: Final = Client("aiosmtplib, kept", _python("aiosmtplib_client.py"))
SMTPLIB: Final = Client("smtplib, kept", _python("smtplib_client.py"))
DJANGO: Final = Client("Django, kept", _python("django_client.py"))
SMTP_SOURCE: Final = Client(
    "smtp-source", _python("smtp_source_client.py"), speaks_tls=False, own_memory=False
)
BARE: Final = Client("bare asyncio", _python("bare_client.py"), speaks_tls=False)
BARE_UVLOOP: Final = Client("bare uvloop", _python("bare_client.py", "uvloop"), speaks_tls=False)
BARE_PIPELINED: Final = Client(
    "bare asyncio", _python("bare_client.py", "pipelined"), speaks_tls=False
)


def _has_module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _has_nodemailer() -> bool:
    """Return whether nodemailer can be run; it is installed where there is none."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    package = CLIENTS / "node_modules" / "nodemailer" / "package.json"
    if package.exists() and json.loads(package.read_text("utf-8"))["version"] == NODEMAILER:
        return True
    command = ("npm", "install", "--silent", "--no-save", "--no-package-lock", "--no-audit")
    wanted = f"nodemailer@{NODEMAILER}"
    done = subprocess.run([*command, wanted], cwd=CLIENTS, check=False, stderr=subprocess.DEVNULL)
    return done.returncode == 0


class _Requirement(NamedTuple):
    there: Callable[[], bool]
    remedy: str


_NODE: Final = _Requirement(
    _has_nodemailer, f"install Node.js and npm, which fetches nodemailer {NODEMAILER}"
)
_UVLOOP: Final = _Requirement(_has_module("uvloop"), "pip install 'passpost-smtp[fast]'")

_REQUIREMENTS: Final = MappingProxyType(
    {
        PASSPOST_UVLOOP: _UVLOOP,
        NODEMAILER_POOL: _NODE,
        NODEMAILER_NEW: _NODE,
        AIOSMTPLIB: _Requirement(_has_module("aiosmtplib"), "pip install aiosmtplib"),
        DJANGO: _Requirement(_has_module("django"), "pip install django"),
        SMTP_SOURCE: _Requirement(
            lambda: shutil.which("smtp-source") is not None, "apt-get install postfix"
        ),
        BARE_UVLOOP: _UVLOOP,
    }
)


def available(clients: tuple[Client, ...]) -> tuple[Client, ...]:
    """Return the clients that can be run here, and print which are left out and how to get them."""
    there = []
    for client in clients:
        requirement = _REQUIREMENTS.get(client)
        if requirement is None or requirement.there():
            there.append(client)
        else:
            print(f"left out: {client.name} ({requirement.remedy})")
    return tuple(there)


def versions() -> str:
    """Name the versions of all that is compared."""
    python = sys.version.split()[0]
    packages = [name for name in ("aiosmtplib", "django", "uvloop") if _has_module(name)()]
    named = [f"{name} {version(name)}" for name in packages]
    return ", ".join([f"Python {python}", *named, f"nodemailer {NODEMAILER} on Node {_node()}"])


def _node() -> str:
    if shutil.which("node") is None:
        return "(none)"
    return subprocess.run(
        ["node", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
