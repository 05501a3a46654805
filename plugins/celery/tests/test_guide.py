"""The guides: their programs and commands send an email, and their tables are complete."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from brokers import Redis

from passpost_celery.settings import DEFAULTS, REDIS
from pytest_passpost import SmtpServer

from .conftest import PATIENCE

ROOT = Path(__file__).parents[1]
GUIDES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")}
PROGRAM = re.compile(r"^```python\n# shop.py\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SEND = """
import shop
status = shop.outbox.wait(shop.send_code("ada@example.com", "493817"), 60)
assert status is not None and status.state == "accepted", status
"""

each_guide = pytest.mark.parametrize("name", GUIDES)


def write(guide: str, folder: Path, port: int) -> None:
    """Write the files that a guide names, and those of the outbox's guide."""
    (program,) = PROGRAM.findall(guide)
    settings = {
        "host": "127.0.0.1", "port": port, "ignoreTLS": True,
        "fromEmail": "no-reply@example.com",
    }  # fmt: skip
    templates = [{"usageType": "Generic", "subject": "Code", "content": "{{code}}"}]
    document = {
        "connectors": {"primary": {"use": "smtp", "settings": settings}},
        "templates": templates,
    }
    (folder / "keys").mkdir()
    files = {
        "shop.py": program,
        "passpost.jsonc": json.dumps(document),
        "keys/one.key": "ab" * 32,
        "keys/use": "one",
        "outbox.secret": "secret" * 4,
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


@each_guide
def test_the_program_sends_an_email(name: str, tmp_path: Path, redis: Redis) -> None:
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, "PYTHONPATH": path, "BROKER_URL": redis.url()}
    command = re.search(r"^\$ (celery .+)$", GUIDES[name], re.MULTILINE)
    assert command is not None
    words = [sys.executable, "-m", *shlex.split(command[1])]
    with SmtpServer() as server:
        write(GUIDES[name], tmp_path, server.port)
        log = tmp_path / "log"
        with (
            log.open("w") as said,
            subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=said, stderr=said) as worker,
        ):
            sent = subprocess.run(
                [sys.executable, "-c", SEND],
                cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
            )  # fmt: skip
            worker.terminate()
            assert worker.wait(PATIENCE) == 0
        assert (sent.returncode, sent.stderr) == (0, ""), log.read_text()
        assert [mail.recipients for mail in server.mails] == [("ada@example.com",)]


@each_guide
def test_the_tables_name_each_code_and_setting(name: str) -> None:
    guide = GUIDES[name]
    source = (ROOT / "src" / "passpost_celery" / "settings.py").read_text("utf-8")
    codes = re.findall(r'code="(celery-E\d+)"', source)
    assert re.findall(r"^\| `(celery-E\d+)` \|", guide, re.MULTILINE) == codes
    for setting in (*DEFAULTS, *REDIS, "worker_disable_prefetch"):
        assert f"`{setting}`" in guide
