from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import override

from pytest_passpost import Fault, SmtpServer, reply


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sendpasspost", *arguments, stdout=out, skip_checks=True)
    return out.getvalue()


def test_an_accepted_email(server: SmtpServer, file: Path) -> None:
    shown = run("ada@example.com", "--usage", "Register", "--set", "link=https://example.com/")
    assert shown.startswith("accepted by primary\n  message ID   <")
    assert "  attempt      primary: accepted" in shown
    (received,) = server.mails
    assert received.message["subject"] == "Welcome"
    assert received.message.get_content().strip() == "000000https://example.com/"


def test_a_rejected_email(server: SmtpServer, file: Path) -> None:
    server.script(Fault("rcpt", reply("554 5.7.1 Relay access denied")))
    with pytest.raises(CommandError) as caught:
        run("ada@example.com")
    shown = str(caught.value)
    assert caught.value.returncode == 1
    assert "  outcome      rejected: the email was not sent" in shown
    assert "  scope        account" in shown
    assert "  hint         " in shown
    assert "  attempt      primary: rejected" in shown


def test_it_speaks_the_language_that_is_active(server: SmtpServer, file: Path) -> None:
    with override("zh-hans"):
        shown = run("ada@example.com")
        server.script(Fault("rcpt", reply("554 5.7.1 Relay access denied")))
        with pytest.raises(CommandError) as caught:
            run("ada@example.com")
    assert shown.startswith("primary 已接收\n  邮件 ID      <")
    rejected = str(caught.value)
    assert "  结果         已拒绝：邮件未发送\n" in rejected
    assert "  暂时性       否\n" in rejected
    (attempt,) = (line for line in rejected.splitlines() if line.startswith("  尝试"))
    assert attempt.startswith("  尝试         primary: rejected: ")
    assert "指定收件人" in attempt


def test_an_unknown_outcome(server: SmtpServer, file: Path) -> None:
    server.script(Fault("final", "reset"))
    with pytest.raises(CommandError) as caught:
        run("ada@example.com")
    assert caught.value.returncode == 3


@pytest.mark.parametrize(
    "arguments",
    [("nobody",), ("ada@example.com", "--set", "link"), ("ada@example.com", "--using", "other")],
)
def test_an_invalid_command_line(
    server: SmtpServer, file: Path, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert caught.value.returncode == 1
    assert server.mails == []


def test_no_file() -> None:
    with pytest.raises(CommandError, match="PASSPOST_FILE"):
        run("ada@example.com")


def test_nothing_steers_the_terminal(server: SmtpServer, file: Path) -> None:
    server.script(Fault("rcpt", reply("550 5.1.1 No \x1b[31msuch user")))
    with pytest.raises(CommandError) as caught:
        run("ada@example.com")
    assert "\x1b" not in str(caught.value)
