"""What type checkers see of passpost: they accept what works, and find what does not.

basedpyright is pyright as a package that brings all that it needs; it is asked for pyright's rules.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ACCEPTED = """\
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import passpost
from passpost import Address, AsyncMailer, Host, Mailer, Message, MessageError, Receipt

Message("ada@example.com", "SignIn")
Message(Address("ada@example.com"), "SignIn", {"code": "123456"}, "zh-CN")
message = Message(
    to="ada@example.com",
    usage="SignIn",
    payload={"code": "123456", "user": {"name": "Ada", "tags": ["a", 1, None, True]}},
    locale=["zh-CN", "en"],
    idempotency_key="key",
    deadline=dt.datetime.now(dt.UTC),
    headers={"X-A": "b"},
    reply_to=Address("help@example.com", "Help"),
)
to: Address = message.to
payload: Mapping[str, Any] = message.payload
locale: Sequence[str] = message.locale
deadline: dt.datetime | None = message.deadline
reply_to: Address | None = message.reply_to
template = passpost.Template(usage_type="SignIn", subject="Code", content="{{code}}")


def send(settings: dict[str, Any]) -> Receipt:
    with Mailer(Host().configure("smtp", settings)) as mailer:
        return mailer.send(message)


async def send_async(settings: dict[str, Any]) -> str:
    async with AsyncMailer(Host().configure("smtp", settings), templates=[template]) as mailer:
        return (await mailer.send(message)).message_id


def check(error: passpost.SendError) -> str:
    return error.outcome if error.temporary else error.scope


def field(error: MessageError) -> str:
    return error.field
"""

REFUSED = """\
import passpost
from passpost import Mialer
from passpost.config import Sceret
from pytest_passpost import SmtpSrever
from passpost import Message
passpost.nonsense
Message(3, "SignIn")
Message("ada@example.com", 4)
Message(to="ada@example.com", usage="SignIn", deadline=3)
Message(to="ada@example.com", usage="SignIn", payload=[1])
Message(to="ada@example.com", usage="SignIn", payload={1: 2})
Message(to="ada@example.com", usage="SignIn", locale=3)
Message(to="ada@example.com", usage="SignIn", idempotency_key=3)
Message(to="ada@example.com", usage="SignIn", headers={"X-A": 1})
Message(to="ada@example.com", usage="SignIn", reply_to=3)
Message(to="ada@example.com", usage="SignIn", code="123456")
Message(to="ada@example.com")
Message("ada@example.com", "SignIn").usage = "Register"
Message("ada@example.com", "SignIn").recipient
passpost.Mailer("passpost.jsonc")
passpost.Template(usage_type="SignIn", subject=3, content="c")
"""


ALLOWED = ("import passpost", "from passpost import Message")


def mypy(folder: Path) -> set[tuple[str, int]]:
    """Return the files and lines that mypy finds fault with."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "."]
    command += ["--cache-dir", str(folder / "cache"), "--exclude", "cache"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    lines = [line.split(":") for line in ran.stdout.splitlines() if ": error:" in line]
    return {(line[0], int(line[1])) for line in lines}


def pyright(folder: Path) -> set[tuple[str, int]]:
    """Return the files and lines that pyright finds fault with."""
    rules = {"typeCheckingMode": "strict", "reportUnusedExpression": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(rules))
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = json.loads(ran.stdout)["generalDiagnostics"]
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in found
        if each["severity"] == "error"
    }


@pytest.mark.parametrize("check", [mypy, pyright])
def test_type_checkers_accept_what_works_and_find_what_does_not(
    check: Callable[[Path], set[tuple[str, int]]], tmp_path: Path
) -> None:
    (tmp_path / "accepted.py").write_text(ACCEPTED)
    (tmp_path / "refused.py").write_text(REFUSED)
    wrong = {n for n, line in enumerate(REFUSED.splitlines(), 1) if line not in ALLOWED}
    assert check(tmp_path) == {("refused.py", line) for line in wrong}
