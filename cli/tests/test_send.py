"""``passpost send``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click.testing
import jsonschema
import pytest

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]


@pytest.fixture
def send(run: Run, own: Write) -> Run:
    """Return a function that sends a sign-in code through the test's own connector."""

    def sent(*arguments: str, **settings: Any) -> click.testing.Result:
        file = own(**settings)
        return run(
            "send", file, "--connector", "acme", "--to", "ada@example.com", "--usage", "SignIn",
            "--code", "739206", "--set", "user.name=Ada", *arguments,
        )  # fmt: skip

    return sent


def test_a_mail_goes_out_and_its_receipt_is_shown(send: Run, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    result = send(outbox=str(outbox))
    assert result.exit_code == 0
    mail = json.loads(outbox.read_text())
    assert mail == {
        "to": "ada@example.com", "subject": "Code 739206", "text": "Ada: 739206\n", "html": None,
    }  # fmt: skip
    lines = result.stdout.splitlines()
    assert lines[0] == "accepted by acme"
    assert lines[1].startswith("  message ID   <")
    assert lines[2:] == ["  provider ID  acme-7", r"  response     250 OK \x1b[31mqueued"]
    assert result.stderr == ""


def test_the_locale_picks_the_template(send: Run, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    assert send("--locale", "zh-CN", outbox=str(outbox)).exit_code == 0
    assert json.loads(outbox.read_text())["subject"] == "验证码 739206"


def test_a_receipt_as_json(send: Run) -> None:
    document = json.loads(send("--json").stdout)
    assert document["ok"] is True
    assert document["connector"] == "acme"
    assert document["provider_id"] == "acme-7"
    assert document["attempts"][0]["result"] == "accepted"
    assert document["accepted_at"].endswith("+00:00")


def test_a_rejected_mail_tells_all_that_is_known(send: Run) -> None:
    result = send(behave="reject")
    assert result.exit_code == 1
    assert result.stdout == ""
    first, *rest = result.stderr.splitlines()
    assert first.endswith("acme.jsonc: error: acme: the key was refused")
    assert rest == [
        "  outcome   rejected: the email was not sent",
        "  scope     account",
        "  code      535 5.7.8",
        r"  response  no such key\r\nfake.jsonc:1:1: line",
        "  hint      Take a new key from the console.",
    ]


def test_a_temporary_failure_says_when_to_try_again(send: Run) -> None:
    result = send(behave="throttle")
    assert result.exit_code == 1
    assert "  retry     the same email may go through later, after 30 s\n" in result.stderr


def test_an_unknown_outcome_has_a_status_of_its_own(send: Run) -> None:
    result = send(behave="unknown")
    assert result.exit_code == 3
    assert "  outcome   unknown: the email may have been sent\n" in result.stderr
    assert "  retry     only once you know that the email was not sent" in result.stderr


def test_a_failure_as_json_has_the_facts(send: Run) -> None:
    result = send("--json", behave="reject")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == 1
    assert error["kind"] == "send"
    assert error["outcome"] == "rejected"
    assert error["scope"] == "account"
    assert error["provider_code"] == "535 5.7.8"
    assert error["hint"] == "Take a new key from the console."
    assert error["attempts"][0]["result"] == "rejected"


def test_the_timeout_bounds_the_sending(send: Run) -> None:
    assert send("--timeout", "0.05", behave="wait").exit_code == 3
    left = json.loads(send("--timeout", "20", "--json", behave="count").stdout)["provider_id"]
    assert 0 <= float(left) <= 20


def test_a_connector_of_an_application_is_taken_by_its_name(
    run: Run, application: Write, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    file = application(primary={"behave": "reject"}, backup={"outbox": str(outbox)})
    arguments = ("--to", "ada@example.com", "--usage", "Generic", "--code", "1", "--json")
    # The first one rejects, and the next one sends.
    assert json.loads(run("send", file, *arguments).stdout)["connector"] == "backup"
    result = run("send", file, *arguments, "--connector", "backup")
    assert json.loads(result.stdout)["connector"] == "backup"
    # By the ID, too, where no name fits: then all of that ID.
    result = run("send", file, *arguments, "--connector", "acme")
    assert json.loads(result.stdout)["connector"] == "backup"


def test_a_connector_that_an_application_lacks_is_refused(run: Run, application: Write) -> None:
    file = application(primary={}, backup={})
    arguments = ("--to", "ada@example.com", "--usage", "Generic", "--connector", "third")
    result = run("send", file, *arguments, "--json")
    assert result.exit_code == 1
    assert result.stderr == (
        f"{file}: error: unknown connector `third` in `--connector`\n"
        "  help: use one of `primary`, `backup`\n"
    )
    assert json.loads(result.stdout)["error"] == {
        "kind": "refused",
        "message": "unknown connector `third` in `--connector`",
        "remedy": "use one of `primary`, `backup`",
    }


def test_a_wrong_recipient_is_refused_without_repeating_it(run: Run, own: Write) -> None:
    arguments = ("--connector", "acme", "--usage", "Generic", "--json")
    result = run("send", own(), "--to", "ada@example.com,bob@example.com", *arguments)
    assert result.exit_code == 1
    assert "bob" not in result.output
    assert result.stderr.startswith("passpost: error: --to: not a valid email address: ")
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "message"
    assert error["field"] == "to"
    assert error["remedy"] == "set --to to one address without a display name"


@pytest.mark.parametrize(
    ("arguments", "variable", "fix"),
    [
        (
            ("--set", "user.name=Ada"),
            "{{code}}",
            "add --code CODE",
        ),
        (
            ("--code", "1"),
            "{{user.name}}",
            "add --set user.name=TEXT",
        ),
    ],
)
def test_a_missing_variable_says_how_to_give_it(
    run: Run, own: Write, arguments: Sequence[str], variable: str, fix: str
) -> None:
    file = own()
    result = run(
        "send",
        file,
        "--connector",
        "acme",
        "--to",
        "a@example.com",
        "--usage",
        "SignIn",
        *arguments,
    )
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{file}: error: the template's ")
    assert variable in result.stderr
    assert result.stderr.endswith(f"\n  help: {fix}\n")


def test_a_usage_without_a_template_says_what_to_add(run: Run, own: Write) -> None:
    file = own(templates=[{"usageType": "SignIn", "subject": "s", "content": "c"}])
    arguments = ("--connector", "acme", "--to", "a@example.com", "--usage", "MfaVerification")
    result = run("send", file, *arguments)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{file}: error: no template for usage `MfaVerification`, and no `Generic` template\n"
        "  help: add a template for this usage, or for Generic, to the settings\n"
    )


def test_a_broken_connector_is_named_with_the_file(run: Run, own: Write, install: Write) -> None:
    install("passpost-torn", {"passpost.connectors": {"torn": "torn"}}, torn="import nowhere")
    result = run(
        "send", own(), "--connector", "torn", "--to", "a@example.com", "--usage", "SignIn", "--json"
    )
    assert result.exit_code == 1
    assert "the connector `torn` of passpost-torn cannot be imported" in result.stderr
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "plugin"
    assert error["distribution"] == "passpost-torn"


def test_a_receipt_without_the_providers_words_is_short(send: Run) -> None:
    assert len(send(behave="terse").stdout.splitlines()) == 2


def test_an_interrupt_has_a_status_of_its_own(send: Run) -> None:
    result = send(behave="interrupt")
    assert result.exit_code == 130
    assert result.stderr.endswith(": interrupted: it is unknown whether the email was sent\n")


def test_what_the_first_line_says_is_not_said_again(send: Run) -> None:
    lines = send(behave="told").stderr.splitlines()
    assert lines[0].endswith("acme: signing in failed: 535 5.7.8 wrong password")
    assert [line.split()[0] for line in lines[1:]] == ["outcome", "scope"]
    error = json.loads(send("--json", behave="told").stdout)["error"]
    assert (error["provider_code"], error["response"]) == ("535 5.7.8", "535 5.7.8 wrong password")


# Test emails.


@pytest.fixture
def try_out(run: Run, own: Write, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that sends a test email."""
    monkeypatch.setenv("LC_ALL", "C")

    def sent(*arguments: str, stdin: bytes | None = None, **settings: Any) -> click.testing.Result:
        file = own(**settings)
        arguments = ("--connector", "acme", "--to", "ada@example.com", *arguments)
        if stdin is None:
            return run("send", "--test", file, *arguments)
        return run("send", "--test", "-", *arguments, stdin=file.read_bytes())

    return sent


@pytest.mark.parametrize("stdin", [None, b"-"])
def test_a_test_email_says_where_to_look(try_out: Run, tmp_path: Path, stdin: bytes | None) -> None:
    outbox = tmp_path / "outbox"
    result = try_out(outbox=str(outbox), stdin=stdin)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2:] == [
        "  provider ID  acme-7",
        r"  response     250 OK \x1b[31mqueued",
        "Look for the email in:",
        "  the inbox of ada@example.com",
        "  the spam folder of ada@example.com: then check SPF and DKIM",
        "  the inbox of no-reply@acme.example, for a report of failed delivery",
    ]
    assert json.loads(outbox.read_text())["subject"] == "[Test] Hello"


def test_a_test_has_the_usage_and_locale_of_its_arguments(try_out: Run, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    try_out("--usage", "SignIn", "--locale", "zh-CN", outbox=str(outbox))
    # A variable without a value does not keep the email from being sent.
    try_out("--usage", "SignIn", outbox=str(outbox))
    chinese, english = (json.loads(line) for line in outbox.read_text().splitlines())
    assert chinese["subject"] == "【测试】验证码 000000"
    assert "{{user.name}}: 000000" in english["text"]


def test_a_test_as_json_has_the_receipt_as_well(try_out: Run) -> None:
    document = json.loads(try_out("--json").stdout)
    assert document["ok"] is True
    assert document["provider_id"] == "acme-7"
    assert document["test"]["marked"] is True
    assert document["test"]["places"][0] == "the inbox of ada@example.com"


@pytest.mark.parametrize(("behave", "code"), [("reject", 1), ("unknown", 3)])
def test_a_test_fails_as_any_email_does(try_out: Run, behave: str, code: int) -> None:
    result = try_out(behave=behave)
    assert result.exit_code == code
    assert result.stdout == ""
    assert "  outcome   " in result.stderr


def test_a_test_names_the_connectors_that_failed_before(run: Run, application: Write) -> None:
    file = application(primary={"behave": "reject"}, backup={})
    result = run("send", "--test", file, "--to", "ada@example.com")
    assert result.exit_code == 0
    assert "accepted by backup\n" in result.stdout
    assert "  before that: primary: " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--code", "739206"), "--test sends the code 000000: remove the other code"),
        (("--set", "code=739206"), "--test sends the code 000000: remove the other code"),
    ],
)
def test_a_test_sends_no_other_code(try_out: Run, arguments: Sequence[str], problem: str) -> None:
    result = try_out(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "739206" not in result.output


def test_a_test_goes_to_one_recipient(run: Run, own: Write, tmp_path: Path) -> None:
    file = own()
    assert run("send", "--test", file, "--connector", "acme").exit_code == 2
    result = run("send", "--test", file, "--batch", tmp_path / "people.csv")
    assert result.exit_code == 2
    assert "--test and --batch cannot be combined" in result.stderr


SCHEMA = Path(__file__).parents[2] / "docs/schemas/send.json"


@pytest.mark.parametrize("behave", ["accept", "terse", "reject", "throttle", "unknown", "crash"])
def test_the_output_fits_its_schema(send: Run, try_out: Run, behave: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    for result in (send("--json", behave=behave), try_out("--json", behave=behave)):
        document = json.loads(result.stdout)
        validator.validate(document)
        assert not validator.is_valid({**document, "other": 1})
    validator.validate(json.loads(try_out("--json", "--code", "1").stdout))


@pytest.mark.parametrize("command", ["send", "preview"])
def test_a_usage_that_generic_takes_the_place_of_is_pointed_out(
    run: Run, own: Write, command: str
) -> None:
    generic = {"usageType": "Generic", "subject": "Code", "content": "{{code}}"}
    file = own(templates=[generic])
    to = ("--to", "ada@example.com") if command == "send" else ()
    for usage, warned in (("SingIn", True), ("SignIn", False), ("Test", False)):
        result = run(command, file, "--connector", "acme", *to, "--usage", usage, "--code", "1")
        assert result.exit_code == 0
        assert ("no template for the usage `SingIn`" in result.stderr) is warned
        assert ("did you mean `SignIn`?" in result.stderr) is warned
