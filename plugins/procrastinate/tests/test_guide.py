"""The guides: their programs make the tables, sign somebody up, and send the email."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 60

SEND = """
import os
import psycopg
from web import outbox, sign_up
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    id_ = sign_up(connection, "ada@example.com", "493817")
status = outbox.wait(id_, 60)
assert status is not None and status.state == "accepted", status
outbox.close()
"""


def write(guide: str, folder: Path, port: int) -> None:
    settings = {
        "host": "127.0.0.1", "port": port, "ignoreTLS": True,
        "fromEmail": "no-reply@example.com",
    }  # fmt: skip
    templates = [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}]
    connectors = {"primary": {"use": "smtp", "settings": settings}}
    (folder / "keys").mkdir()
    files = {
        **dict(NAMED.findall(guide)),
        "passpost.jsonc": json.dumps({"connectors": connectors, "templates": templates}),
        "keys/one.key": "ab" * 32,
        "keys/use": "one",
        "outbox.secret": "secret" * 4,
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_programs_send_an_email(name: str, tmp_path: Path, url: str) -> None:
    environ = {**os.environ, "DATABASE_URL": url}
    with SmtpServer() as server:
        write((ROOT / name).read_text("utf-8"), tmp_path, server.port)
        for _deployment in range(2):
            subprocess.run([sys.executable, "tables.py"], cwd=tmp_path, env=environ, check=True)
        with subprocess.Popen([sys.executable, "worker.py"], cwd=tmp_path, env=environ) as worker:
            done = subprocess.run(
                [sys.executable, "-c", SEND],
                cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
            )  # fmt: skip
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(PATIENCE) == 0
        assert (done.returncode, done.stderr) == (0, "")
        assert [mail.recipients for mail in server.mails] == [("ada@example.com",)]
