"""``passpost init``: from nothing to a delivered email, and what is kept of what was there."""

from __future__ import annotations

import json
import os
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from passpost import config

sys.path.insert(0, str(Path(__file__).parent / "newcomer"))

from operator_answers import LANGUAGES, QUESTIONS, SECRET, Inbox, prompts

Talk = Callable[..., Any]

FLAGS = (
    "--connector", "smtp", "--preset", "gmail", "--set", "auth.user=ada@gmail.com",
    "--set", "fromEmail=ada@gmail.com", "--secrets", "environment", "--templates", "en",
)  # fmt: skip


def run(
    *arguments: str, folder: Path, environ: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LC_ALL": "C.UTF-8", **(environ or {})}
    env.pop("SMTP_AUTH_PASS", None) if not environ else None
    return subprocess.run(
        [sys.executable, "-m", "passpost", *arguments],
        cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        check=False, timeout=60, **options,
    )  # fmt: skip


def without_comments(path: Path) -> Any:
    return config.read(path.read_text("utf-8")).data


@pytest.mark.parametrize("place", ["environment", "env-file", "file"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_operator_gets_an_email_with_one_command(
    tmp_path: Path, talk: Talk, inbox: Inbox, language: str, place: str
) -> None:
    with talk(folder=tmp_path, language=language) as talked:
        for prompt, answer in prompts(language):
            talked.answer(prompt, answer.format(port=inbox.port, place=place))
        assert talked.ended() == 0, talked.text
    (email,) = inbox.emails
    message = message_from_bytes(email, policy=policy.default)
    assert message["To"] == "ada@example.com"
    assert message["X-Passpost-Test"] == "yes"
    assert "000000" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    written = tmp_path / "passpost.jsonc"
    text = written.read_text("utf-8")
    assert ("服务器的主机名" if language == "zh-CN" else "The server's hostname") in text
    assert SECRET not in talked.text + text
    holders = [path.name for path in tmp_path.iterdir() if SECRET in path.read_text("utf-8")]
    expected = {"environment": [], "env-file": [".env"], "file": ["smtp-auth-pass.secret"]}
    assert holders == expected[place]
    for name in holders:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_settings_are_of_use_from_a_file_without_any_editing(
    tmp_path: Path, talk: Talk, inbox: Inbox
) -> None:
    with talk(folder=tmp_path) as talked:
        for prompt, answer in prompts("en")[:-1]:
            talked.answer(prompt, answer.format(port=inbox.port, place="file"))
        talked.answer("Send a test email to", "")
        assert talked.ended() == 0, talked.text
    assert inbox.emails == []
    checked = run("check", "passpost.jsonc", "--connect", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr
    sent = run("send", "passpost.jsonc", "--test", "--to", "bob@example.com", folder=tmp_path)
    assert sent.returncode == 0, sent.stderr
    assert len(inbox.emails) == 1


@pytest.mark.parametrize("last", range(len(QUESTIONS) - 1))
def test_an_interrupt_at_any_question_leaves_nothing(tmp_path: Path, talk: Talk, last: int) -> None:
    with talk(folder=tmp_path) as talked:
        asked = prompts("en")
        for prompt, answer in asked[:last]:
            talked.answer(prompt, answer.format(port=2525, place="file"))
        talked.interrupt(asked[last][0])
        assert talked.ended() == 130
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_at_the_question_for_a_test_keeps_the_settings(
    tmp_path: Path, talk: Talk
) -> None:
    with talk(folder=tmp_path) as talked:
        for prompt, answer in prompts("en")[:-1]:
            talked.answer(prompt, answer.format(port=2525, place="environment"))
        talked.interrupt("Send a test email to")
        assert talked.ended() == 130
    assert "connectors" in without_comments(tmp_path / "passpost.jsonc")


def test_invalid_answers_are_asked_again(tmp_path: Path, talk: Talk) -> None:
    with talk("--yes-not", folder=tmp_path) as talked:
        assert talked.ended() == 2
    with talk(folder=tmp_path) as talked:
        talked.answer("[smtp]", "acme-unknown")
        talked.expect("choose one of")
        talked.answer("[smtp]", "smtp")
        talked.answer("Number or name", "99")
        talked.answer("Number or name", "generic")
        talked.answer("Host, such as", "not a host")
        talked.answer("Host, such as", "mail.example.com")
        talked.answer("User name (", "ada")
        talked.answer("Sender, such as", "nobody")
        talked.expect("it has no @")
        talked.answer("Sender, such as", "no-reply@example.com")
        talked.answer("NAME=VALUE", "port=many")
        talked.expect("must be a whole number")
        talked.answer("NAME=VALUE", "prot=587")
        talked.expect("did you mean `port`?")
        talked.answer("NAME=VALUE", f"auth.pass={SECRET}")
        talked.expect("is a secret")
        talked.answer("NAME=VALUE", "")
        talked.answer("[environment]", "settings")
        talked.expect("choose one of")
        talked.interrupt("[environment]")
        assert talked.ended() == 130
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_the_missing_options_are_named(tmp_path: Path) -> None:
    ended = run("init", folder=tmp_path)
    assert (ended.returncode, "--connector ID" in ended.stderr) == (1, True)
    ended = run("init", "--connector", "smtp", folder=tmp_path)
    assert (ended.returncode, "--preset ID" in ended.stderr) == (1, True)
    ended = run("init", *FLAGS[:4], folder=tmp_path)
    for option in ("--set auth.user=", "--set fromEmail=", "--secrets", "--templates"):
        assert option in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_no_region_is_taken_for_granted(tmp_path: Path, yes: tuple[str, ...]) -> None:
    ended = run("init", *FLAGS, "--preset", "ses", *yes, folder=tmp_path)
    assert (ended.returncode, "--set host=" in ended.stderr) == (1, True)
    host = "email-smtp.eu-west-1.amazonaws.com"
    ended = run("init", *FLAGS, "--preset", "ses", "--set", f"host={host}", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert host in (tmp_path / "passpost.jsonc").read_text("utf-8")


@pytest.mark.parametrize("first", range(0, len(FLAGS), 2))
def test_each_flag_is_required_or_has_a_default(tmp_path: Path, first: int) -> None:
    rest = [*FLAGS[:first], *FLAGS[first + 2 :]]
    ended = run("init", *rest, folder=tmp_path)
    assert ended.returncode == 1
    assert FLAGS[first] in ended.stderr
    defaults = {"--connector", "--secrets", "--templates"}
    ended = run("init", "--yes", *rest, folder=tmp_path)
    # The user name need not be set, and the sender need not differ from it.
    optional = FLAGS[first] in defaults or "=" in FLAGS[first + 1]
    assert (ended.returncode == 0) == optional, ended.stderr


def test_all_flags_write_a_file_without_a_question(tmp_path: Path) -> None:
    ended = run("init", *FLAGS, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "export SMTP_AUTH_PASS=" in ended.stdout
    settings = without_comments(tmp_path / "passpost.jsonc")
    own = settings["connectors"]["primary"]["settings"]
    assert own["auth"] == {"user": "ada@gmail.com", "pass": "${SMTP_AUTH_PASS}"}
    assert settings["$schema"] == "./passpost.schema.json"
    assert json.loads((tmp_path / "passpost.schema.json").read_text("utf-8"))
    checked = run("check", "passpost.jsonc", folder=tmp_path, environ={"SMTP_AUTH_PASS": SECRET})
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ("--connector", "nosuch"),
        ("--preset", "nosuch"),
        ("--secrets", "nosuch"),
        ("--templates", "nosuch"),
        ("--set", "fromEmail=nobody"),
        ("--set", "prot=587"),
        ("--set", f"auth.pass={SECRET}"),
    ],
    ids=lambda wrong: " ".join(wrong).partition("=")[0],
)
def test_an_invalid_flag_is_an_error_and_nothing_is_written(
    tmp_path: Path, wrong: tuple[str, str]
) -> None:
    ended = run("init", *FLAGS, *wrong, folder=tmp_path)
    assert ended.returncode == 1
    assert wrong[0] in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert "pip install nosuch" not in ended.stderr
    assert "passpost-nosuch" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


OLD = """\
// ours
{
  "templates": [ { "usageType": "Generic", "subject": "Code", "content": "{{code}}" } ], // first
  "connectors": {
    "main": { // the only one
      "settings": {
        "port": 2525, // not the usual one
        "host": "mail.example.com",
        "auth": { "pass": "canary-pw-Kx93", "user": "ada" },
        "fromEmail": "no-reply@example.com"
      },
      "use": "smtp"
    }
  }
}
"""


def test_an_existing_file_changes_only_where_it_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(OLD)
    ended = run("init", "--set", "host=smtp.example.org", "--yes", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert path.read_text() == OLD.replace("mail.example.com", "smtp.example.org")
    assert '+        "host": "smtp.example.org",' in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr


def test_a_file_without_connectors_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text('{\n  // ours\n  "delivery": { "timeout": 20 }\n}\n')
    ended = run("init", *FLAGS, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert path.read_text().startswith('{\n  // ours\n  "delivery": { "timeout": 20 },\n')
    assert [*without_comments(path)["connectors"]] == ["primary"]


def test_a_secret_moves_out_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(OLD)
    ended = run("init", "--secrets", "file", "--yes", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert path.read_text() == OLD.replace(SECRET, "${file:main-auth-pass.secret}")
    assert (tmp_path / "main-auth-pass.secret").read_text() == f"{SECRET}\n"
    assert SECRET not in ended.stdout + ended.stderr
    backup = tmp_path / "passpost.jsonc.bak"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert "passpost.jsonc.bak still contains the secret" in ended.stdout
    again = run("init", "--secrets", "file", "--yes", folder=tmp_path)
    assert "still contains" not in again.stdout


def test_a_secret_that_is_in_the_file_of_variables_is_not_asked_for(tmp_path: Path) -> None:
    flags = [*FLAGS[:-4], "--secrets", "env-file", "--templates", "en"]
    told = "Write `SMTP_AUTH_PASS` into .env."
    assert told in run("init", *flags, folder=tmp_path).stdout
    (tmp_path / ".env").write_text("SMTP_AUTH_PASS='a-new-one'\n")
    ended = run("init", *flags, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert told not in ended.stdout
    assert (tmp_path / ".env").read_text() == "SMTP_AUTH_PASS='a-new-one'\n"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_the_variables_of_others_keep_their_bytes(tmp_path: Path, end: bytes) -> None:
    flags = [*FLAGS[:-4], "--secrets", "env-file", "--templates", "en"]
    others = end.join((b"A=1", b"# caf\xe9", b"SMTP_AUTH_PASS=old", b"B='\xff'"))
    (tmp_path / ".env").write_bytes(others)
    ended = run("init", *flags, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / ".env").read_bytes() == others
    without = others.replace(b"SMTP_AUTH_PASS=old" + end, b"")
    (tmp_path / ".env").write_bytes(without)
    (tmp_path / "passpost.jsonc").unlink()
    assert run("init", *flags, folder=tmp_path).returncode == 0
    written = (tmp_path / ".env").read_bytes()
    assert written.startswith(without + end + b"SMTP_AUTH_PASS='<")
    assert written.endswith(end)
    assert written.count(b"\r") == (4 if end == b"\r\n" else 0)


def test_another_connector_replaces_the_old_one_with_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(OLD)
    ended = run(
        "init", "--connector", "sendgrid", "--preset", "global", "--secrets", "environment",
        "--set", "fromEmail=no-reply@example.com", "--yes", folder=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    text = path.read_text()
    assert "not the usual one" not in text
    assert "// ours" in text
    assert "// first" in text
    assert without_comments(path)["connectors"]["main"]["use"] == "sendgrid"
    assert "// " in text.partition('"apiKey"')[0].splitlines()[-2]


def test_a_second_run_on_a_terminal_offers_what_is_there(tmp_path: Path, talk: Talk) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(OLD)
    with talk(folder=tmp_path) as talked:
        talked.answer("Number or name [smtp]", "")
        talked.answer("Number or name [keep]", "")
        talked.answer("[2525]", "")
        talked.answer("[mail.example.com]", "")
        talked.answer("[ada]", "bob")
        talked.answer("[no-reply@example.com]", "")
        talked.answer("NAME=VALUE", "")
        talked.answer("[keep]", "")
        talked.answer("Write it?", "n")
        assert talked.ended() == 1
    assert path.read_text() == OLD
    assert "bob" in talked.text
    assert SECRET not in talked.text


@pytest.mark.parametrize(
    "content",
    ["{", '{"host": "mail.example.com"}', '{"connectors": {"main": 3}}', '{"connectors": []}'],
)
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(content)
    ended = run("init", *FLAGS, folder=tmp_path)
    assert ended.returncode == 1
    assert path.read_text() == content
    assert "internal error" not in ended.stderr


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    # Even the superuser creates no file there.
    ended = run("init", "/proc/passpost.jsonc", *FLAGS, folder=tmp_path)
    assert ended.returncode == 1
    assert "cannot write" in ended.stderr
    ended = run("init", "missing/passpost.jsonc", *FLAGS, folder=tmp_path)
    assert "cannot write" in ended.stderr


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    flags = [flag if flag != "environment" else "file" for flag in FLAGS]
    ended = run("init", *flags, folder=tmp_path, preexec_fn=full)
    assert ended.returncode == 1
    assert "cannot write" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "settings.jsonc").write_text(OLD)
    path = tmp_path / "passpost.jsonc"
    path.symlink_to("real/settings.jsonc")
    ended = run("init", "--set", "host=smtp.example.org", "--yes", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert path.is_symlink()
    assert "smtp.example.org" in path.read_text()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"COLUMNS": "30"}, {"TERM": "xterm"}])
def test_it_works_on_every_terminal(tmp_path: Path, talk: Talk, environ: dict[str, str]) -> None:
    path = tmp_path / "passpost.jsonc"
    path.write_text(OLD)
    with talk("--set", "host=smtp.example.org", folder=tmp_path, environ=environ) as talked:
        talked.answer("[smtp]", "")
        talked.answer("[keep]", "")
        talked.answer("[2525]", "")
        talked.answer("[ada]", "")
        talked.answer("[no-reply@example.com]", "")
        talked.answer("NAME=VALUE", "")
        talked.answer("[keep]", "")
        talked.answer("Write it?", "")
        talked.answer("Send a test email", "")
        assert talked.ended() == 0
    colored = re.search(r"\x1b\[3[12]m", talked.text) is not None
    assert colored == ("TERM" in environ)
