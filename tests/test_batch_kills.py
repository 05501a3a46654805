"""A batch whose process is killed with SIGKILL: resumed, nobody gets an email twice, nobody none.

``PASSPOST_BATCH_KILLS`` sets the number of random moments; ``make kills`` tries 200.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import pytest

from pytest_passpost import SmtpServer

MOMENTS: Final = int(os.environ.get("PASSPOST_BATCH_KILLS", "10"))
SIZE: Final = 150
LIMIT: Final = 7

_WARNED: Final = re.compile(r"^users\.csv:(\d+): warning: unknown: an earlier run", re.MULTILINE)

# Ends the process after so many writes to the journal, as `kill -9` does.
_KILLED_AFTER: Final = """\
import os, signal, sys
writes, write = int(sys.argv.pop(1)), os.write
def counted(file, data):
    global writes
    done = write(file, data)
    if data.startswith(b'{"'):
        writes -= 1
        if not writes:
            os.kill(os.getpid(), signal.SIGKILL)
    return done
os.write = counted
from passpost_cli import main
main()
"""


@attrs.frozen
class Batch:
    """A batch file, and the server that its emails go to."""

    folder: Path
    server: SmtpServer
    size: int = SIZE

    def write(self) -> None:
        settings = {
            "host": "127.0.0.1", "port": self.server.port, "ignoreTLS": True,
            "fromEmail": "no-reply@example.com",
        }  # fmt: skip
        template = {"usageType": "Generic", "subject": "Code", "content": "{{code}}"}
        document = {
            "connectors": {"primary": {"use": "smtp", "settings": settings}},
            "templates": [template],
        }
        (self.folder / "passpost.json").write_text(json.dumps(document))
        rows = "".join(f"{self.recipient(line)},{line:06}\n" for line in self.lines)
        (self.folder / "users.csv").write_text(f"to,code\n{rows}")

    @property
    def lines(self) -> range:
        return range(2, self.size + 2)

    @staticmethod
    def recipient(line: int) -> str:
        return f"user{line}@example.com"

    def start(self, *arguments: str, program: tuple[str, ...] = ("-m", "passpost")) -> Popen:
        command = [
            sys.executable, *program, "send", "passpost.json", "--batch", "users.csv",
            "--usage", "Generic", "--concurrency", str(LIMIT), "--json", *arguments,
        ]  # fmt: skip
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def resume(self, *arguments: str) -> tuple[int, dict[str, int], set[int]]:
        """Return the exit code, the document, and the lines that were reported as unknown."""
        process = self.start("--resume", *arguments)
        stdout, stderr = process.communicate(timeout=120)
        document = json.loads(stdout)
        assert document["accepted"] + document["unknown"] == document["total"] == self.size, stderr
        return process.returncode, document, {int(line) for line in _WARNED.findall(stderr)}

    def delivered(self) -> Counter[str]:
        return Counter(mail.recipients[0] for mail in self.server.mails)

    def check(self, *, runs: int = 1) -> int:
        """Resume, and check that each email was sent once; return how many were unknown."""
        code, document, unknown = self.resume()
        assert code == (3 if unknown else 0)
        assert document["unknown"] == len(unknown) <= LIMIT * runs
        delivered = self.delivered()
        assert set(delivered.values()) == {1}
        lost = {line for line in self.lines if not delivered[self.recipient(line)]}
        assert lost <= unknown
        # The journal tells which they are; sent once more, they have the same Message-ID.
        assert self.resume("--resend-unknown")[0] == 0
        delivered = self.delivered()
        assert set(delivered) == {self.recipient(line) for line in self.lines}
        twice = {line for line in self.lines if delivered[self.recipient(line)] == 2}
        assert twice == unknown - lost
        emails = {(mail.recipients[0], mail.message["Message-ID"]) for mail in self.server.mails}
        assert len(emails) == self.size
        return len(unknown)


Popen = subprocess.Popen[str]
Make = Callable[[SmtpServer, int], Batch]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(server: SmtpServer, size: int) -> Batch:
        batch = Batch(tmp_path, server, size)
        batch.write()
        return batch

    return made


def killed(process: Popen, server: SmtpServer, emails: int, chance: random.Random) -> None:
    """Kill a process some time after so many emails arrived, unless it has ended by then."""
    try:
        server.wait_for(emails, timeout=60)
        process.wait(timeout=chance.expovariate(1 / 0.003))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_killed_at_a_random_moment(make: Make, moment: int) -> None:
    chance = random.Random(f"batch {moment}")  # noqa: S311 - a moment, not a secret
    with SmtpServer() as server:
        batch = make(server, SIZE)
        first = chance.randrange(1, SIZE)
        killed(batch.start(), server, first, chance)
        runs = 1
        left = SIZE - len(server.mails)
        if chance.random() < 0.5 and left > 3 * LIMIT:
            # What resumes may be killed as well.
            emails = len(server.mails) + chance.randrange(1, left - 2 * LIMIT)
            killed(batch.start("--resume"), server, emails, chance)
            runs = 2
        unknown = batch.check(runs=runs)
    sys.stdout.write(f"killed after {first} of {SIZE} emails, {runs} times: {unknown} unknown\n")


# A header, a begin and an end for each of three emails; after the last, there is nothing to do.
@pytest.mark.parametrize("writes", range(1, 8))
def test_killed_after_each_line_of_the_journal(make: Make, writes: int) -> None:
    with SmtpServer() as server:
        batch = make(server, 3)
        program = ("-c", _KILLED_AFTER, str(writes))
        process = batch.start("--concurrency", "1", program=program)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        # Killed right after a begin, and an email is unknown.
        assert batch.check() == (writes in (2, 4, 6))
