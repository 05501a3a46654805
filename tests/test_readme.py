"""The README's settings and programs are run as they stand, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import passpost
from pytest_passpost import SmtpServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMTP_PASSWORD", "app-password")
    (tmp_path / "passpost.jsonc").write_text(blocks("jsonc")[0], "utf-8")
    return tmp_path


def test_the_settings_are_right_as_they_stand(folder: Path) -> None:
    application = passpost.load(folder / "passpost.jsonc")
    assert [(c.name, c.id) for c in application.connectors] == [("primary", "smtp")]
    assert len(application.templates) == 5
    assert application.warnings == ()


def run(folder: Path, *command: str) -> str:
    environ = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_a_program_runs(folder: Path, number: int) -> None:
    with SmtpServer() as server:
        settings = blocks("jsonc")[0]
        # Only the address of the server differs from the page, and that it speaks no TLS.
        here = f'"host": "127.0.0.1", "port": {server.port}, "ignoreTLS": true'
        settings = settings.replace('"host": "smtp.example.com",\n        "port": 587', here)
        settings = re.sub(r'"auth": \{.*\},\n', "", settings)
        (folder / "passpost.jsonc").write_text(settings, "utf-8")
        run(folder, sys.executable, "-W", "error", "-c", blocks("python")[number])
    if "mailer.send" in blocks("python")[number]:
        assert [mail.recipients for mail in server.mails] == [("ada@example.com",)]


def test_the_mistakes_on_the_page_are_found(folder: Path) -> None:
    program = next(block for block in blocks("python") if "prot" in block)
    printed = run(folder, sys.executable, "-c", program)
    assert "prot" in printed
    assert "port" in printed


def test_the_commands_on_the_page_exist(folder: Path) -> None:
    commands = re.findall(r"^\$ passpost (\w+) (.*)$", README, re.MULTILINE)
    assert [name for name, _ in commands] == ["check", "preview", "send", "new"]
    passpost_command = str(Path(sys.executable).with_name("passpost"))
    preview = run(folder, passpost_command, "preview", *commands[1][1].split())
    assert "您的验证码是 123456" in preview
