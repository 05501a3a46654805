"""``passpost console``: what it prints, where it listens, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import httpx
import pytest
from click.testing import CliRunner
from console_driving import SECRET, Running

import passpost
from passpost_console import hooks
from passpost_console.addresses import is_loopback, listen
from passpost_console.command import command
from passpost_console.inbox_command import command as inbox_command
from passpost_console.server import Launched
from passpost_console.workspace import Document, Workspace
from passpost_tools.saving import Loaded

TEMPLATE: Final = {"usageType": "Generic", "subject": "Code", "content": "{{code}}"}
ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - every address of this machine

# A command as the command line runs it, whether or not the extension is installed.
PROGRAM: Final = "from passpost_console.{} import command; command(prog_name='passpost')"


@contextmanager
def started(
    *arguments: str, module: str = "command"
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a command in a process of its own; yield it with the line that it prints."""
    program = PROGRAM.format(module)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *arguments, "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_it_prints_a_link_that_works_once_and_logs_nothing(file: Path) -> None:
    with started(str(file)) as (process, link):
        assert link.startswith("http://127.0.0.1:")
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(link)
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert "smtp.example.com" in browser.get(page.url.join("/settings")).text
        assert httpx.get(link).status_code == 403
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    token = link.partition("token=")[2]
    assert token not in out + err
    assert SECRET not in out + err
    assert err.count("\n") == 1


def test_a_console_starts_an_inbox_beside_itself(file: Path) -> None:
    with started(str(file), "--inbox") as (_process, link), httpx.Client() as browser:
        browser.get(link)
        pages = [browser.get(link.partition("/enter")[0] + path).text for path in ("/", "/inbox")]
    assert 'href="/inbox"' in pages[0]
    assert "No emails yet" in pages[1]


def test_an_inbox_prints_its_link_its_settings_and_its_token(tmp_path: Path) -> None:
    ports = ("--smtp-port", "0", "--http-port", "0")
    with started(*ports, module="inbox_command") as (process, link):
        assert process.stdout is not None
        lines = list(iter(process.stdout.readline, "}\n"))
        token = process.stdout.readline().strip()
        settings = {"connectors": json.loads("{" + "".join(lines) + "}}"), "templates": [TEMPLATE]}
        path = tmp_path / "passpost.jsonc"
        path.write_text(json.dumps(settings), "utf-8")
        with passpost.Mailer.from_file(path) as mailer:
            mailer.send(passpost.Message("ada@example.com", "Generic", {"code": "493817"}))
        api = link.partition("/enter")[0] + "/api"
        headers = {"authorization": f"Bearer {token}"}
        (email,) = httpx.get(f"{api}/mails?wait=9s", headers=headers).json()["emails"]
        assert email["code"] == "493817"
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=30)
    assert (process.returncode, token in err) == (0, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--token", "short"], "16 characters"), (["--host", ANYWHERE], "--secret-file")],
)
def test_an_inbox_is_as_closed_as_a_console(arguments: list[str], said: str) -> None:
    ports = ["--smtp-port", "0", "--http-port", "0", "--no-browser"]
    result = CliRunner().invoke(inbox_command, [*ports, *arguments])
    assert result.exit_code == 1
    assert said in result.output


def test_no_page_waits_for_the_file_to_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    read = Workspace.understand

    def noted(self: Workspace, loaded: Loaded) -> Document:
        done.append("read")
        return read(self, loaded)

    monkeypatch.setattr(Workspace, "understand", noted)
    monkeypatch.setattr(Launched, "serve", lambda self, ready: done.append("serve"))
    assert CliRunner().invoke(command, [str(file), "--no-browser"]).exit_code == 0
    assert done == ["read", "serve"]


def test_a_port_that_is_taken_is_said(file: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(command, [str(file), "--port", port, "--no-browser"])
    assert result.exit_code == 1
    assert "cannot listen there" in result.output
    assert "--port" in result.output


@pytest.mark.parametrize("address", [ANYWHERE, "::", "192.0.2.1", "example.com"])
def test_other_machines_need_a_secret(file: Path, address: str) -> None:
    result = CliRunner().invoke(command, [str(file), "--host", address, "--no-browser"])
    assert result.exit_code == 1
    assert "--secret-file" in result.output


@pytest.mark.parametrize(("secret", "problem"), [("short", "16 characters"), (None, "be read")])
def test_a_bad_secret_is_said_and_not_repeated(
    file: Path, tmp_path: Path, secret: str | None, problem: str
) -> None:
    path = tmp_path / "secret"
    if secret is not None:
        path.write_text(secret, "utf-8")
    arguments = [str(file), "--host", ANYWHERE, "--secret-file", str(path), "--no-browser"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert problem in result.output
    assert "short" not in result.output.replace("shorter", "")


def test_its_errors_are_said_in_chinese(file: Path) -> None:
    result = CliRunner().invoke(command, [str(file), "--host", ANYWHERE, "--lang", "zh-CN"])
    assert "不设密钥时" in result.output


def test_with_a_secret_it_answers_under_any_address_and_the_names_given(file: Path) -> None:
    secret = "correct horse battery"
    with Running(file, address=ANYWHERE, secret=secret, names=["console.example"]) as running:
        port = running.origin.rpartition(":")[2]
        answers = {
            host: httpx.get(f"{running.origin}/sign-in", headers={"host": host}).status_code
            for host in (f"192.0.2.1:{port}", "console.example", "evil.example", "localhost")
        }
        assert list(answers.values()) == [200, 200, 421, 421]
        with httpx.Client() as browser:
            headers = {"origin": running.origin}
            entered = browser.post(
                f"{running.origin}/sign-in", data={"secret": secret}, headers=headers
            )
            assert entered.status_code == 303
            assert browser.get(f"{running.origin}/").status_code == 200


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True),
     (ANYWHERE, False), ("::", False), ("localhost.evil.example", False), ("", False)],
)  # fmt: skip
def test_loopback_is_this_machine_alone(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_the_extension_adds_the_commands() -> None:
    cli = click.Group("passpost")
    hooks.register_commands(cli)
    assert list(cli.commands) == ["console", "inbox"]


def test_an_application_pays_for_no_console_that_it_does_not_use() -> None:
    program = (
        "import sys, passpost_console.hooks, passpost_console\n"
        "print(*sorted({'starlette', 'jinja2', 'uvicorn', 'click'} & set(sys.modules)))"
    )
    done: Any = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
