"""``passpost preview``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]


def test_the_mail_is_rendered_and_nothing_is_sent(run: Run, own: Write, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    result = run(
        "preview", own(outbox=str(outbox)), "--connector", "acme", "--usage", "Register",
        "--code", "<739206>",
    )  # fmt: skip
    assert result.exit_code == 0
    assert result.stdout == (
        "\n"
        "--- Register by acme\n"
        "From:     no-reply@acme.example\n"
        "Reply-To: help@acme.example\n"
        "Subject:  Welcome\n"
        "\n"
        "[text]\n"
        "Code <739206>\n"
        "\n"
        "[HTML]\n"
        "<p>Code <b>&lt;739206&gt;</b></p>\n"
    )
    assert not outbox.exists()


def test_a_single_body_has_no_label(run: Run, own: Write) -> None:
    arguments = ("--usage", "SignIn", "--code", "739206", "--locale", "zh-CN en")
    result = run("preview", own(), "--connector", "acme", *arguments)
    assert result.stdout.endswith("Language: zh\n\n验证码是 739206。\n")


def test_json_has_all_parts(run: Run, own: Write) -> None:
    result = run(
        "preview", own(), "--connector", "acme", "--usage", "Register", "--code", "1", "--json"
    )
    assert json.loads(result.stdout) == {
        "ok": True,
        "connector": "acme",
        "usage": "Register",
        "locale": None,
        "from": "no-reply@acme.example",
        "reply_to": "help@acme.example",
        "subject": "Welcome",
        "text": "Code 1",
        "html": "<p>Code <b>1</b></p>",
    }


def test_a_template_at_the_provider_is_said_to_be_there(run: Run, own: Write) -> None:
    result = run("preview", own(), "--connector", "sluggish", "--usage", "SignIn")
    assert result.exit_code == 0
    assert "The content of this email is a template at the provider." in result.stdout


def test_the_html_can_be_written_to_a_file(run: Run, own: Write, tmp_path: Path) -> None:
    out = tmp_path / "mail.html"
    arguments = ("--connector", "acme", "--usage", "Register", "--code", "您", "--html", out)
    result = run("preview", own(), *arguments)
    assert result.exit_code == 0
    assert out.read_bytes().decode() == "<p>Code <b>您</b></p>"


def test_a_mail_without_html_writes_no_file(run: Run, own: Write, tmp_path: Path) -> None:
    out = tmp_path / "mail.html"
    arguments = ("--connector", "acme", "--usage", "Generic", "--code", "1", "--html", out)
    result = run("preview", own(), *arguments)
    assert result.exit_code == 1
    assert "this email has no HTML\n  help: " in result.stderr
    assert not out.exists()


def test_a_file_that_cannot_be_written_is_refused(run: Run, own: Write, tmp_path: Path) -> None:
    arguments = ("--connector", "acme", "--usage", "Register", "--code", "1", "--html")
    result = run("preview", own(), *arguments, tmp_path)
    assert result.exit_code == 1
    assert f"cannot write {tmp_path}: Is a directory" in result.stderr


def test_html_goes_to_no_terminal(run: Run, own: Write) -> None:
    arguments = ("--connector", "acme", "--usage", "Register", "--code", "1", "--html", "-")
    result = run("preview", own(), *arguments)
    assert result.exit_code == 2
    assert "--html requires the name of a file" in result.stderr


def test_overrides_of_direction_are_written_out(run: Run, own: Write) -> None:
    content = "\u202egnp.exe \u200fשם\tx"
    file = own(templates=[{"usageType": "Generic", "subject": "s", "content": content}])
    result = run("preview", file, "--connector", "acme", "--usage", "Generic")
    assert "\\u202egnp.exe \u200fשם\tx" in result.stdout
    result = run("preview", file, "--connector", "acme", "--usage", "Generic", "--json")
    assert "\u202e" not in result.stdout
    assert json.loads(result.stdout)["text"] == content


@pytest.mark.parametrize("missing", ["${PASSPOST_NOT_SET}", "${file:/nowhere/secret}"])
def test_no_secret_is_needed(run: Run, own: Write, application: Write, missing: str) -> None:
    arguments = ("--usage", "Generic", "--code", "739206")
    result = run("preview", own(apiKey=missing), "--connector", "acme", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Hello 739206" in result.stdout
    file = application(first={}, second={"apiKey": missing})
    document = json.loads(file.read_text())
    document["stores"] = {"use": "sqlite", "settings": {"path": "sends"}, "secret": missing}
    file.write_text(json.dumps(document))
    for name in ("first", "second"):
        result = run("preview", file, "--connector", name, *arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"Generic by {name}\n" in result.stdout
    # Sending needs them.
    assert run("send", file, "--to", "ada@example.com", *arguments).exit_code == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"fromEmail": "${PASSPOST_NOT_SET}"},
        {"templates": [{"usageType": "Generic", "subject": "s", "content": "${file:/nowhere}"}]},
        {"unknown": "${PASSPOST_NOT_SET}"},
    ],
    ids=["sender", "template", "unknown setting"],
)
def test_what_is_missing_besides_secrets_is_an_error(
    run: Run, own: Write, settings: dict[str, Any]
) -> None:
    file = own(apiKey="${PASSPOST_NOT_SET}", **settings)
    result = run("preview", file, "--connector", "acme", "--usage", "Generic", "--code", "739206")
    assert result.exit_code == 1
    assert "apiKey: environment variable" in result.stderr
    assert next(iter(settings)) in result.stderr
