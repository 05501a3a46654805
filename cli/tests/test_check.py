"""``passpost check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

API_KEY = "canary-key-Zq7"


def test_good_settings_end_with_a_verdict_and_status_zero(run: Run, own: Write) -> None:
    file = own()
    result = run("check", file, "--connector", "acme")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == f"{file}: settings are valid (acme)\n"
    assert result.stderr == ""


def test_every_mistake_has_its_place_and_its_remedy(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "acme.jsonc"
    file.write_text(
        "{\n"
        f'  "apiKye": "{API_KEY}",\n'
        '  "fromEmail": 5,\n'
        '  "templates": [{"usageType": "SignIn", "subject": "{{#x}", "content": "{{code}}"}]\n'
        "}\n"
    )
    result = run("check", file, "--connector", "acme")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert [line.partition(": error: ")[0] for line in lines[::4]] == [
        f"{file}:2:3", f"{file}:3:16", f"{file}:4:53",
    ]  # fmt: skip
    assert all(line.startswith("  help: ") for line in lines[3::4])
    assert result.stdout.startswith(f"{file}: not valid: 3 errors\n")
    assert API_KEY not in result.output


def test_a_code_is_shown_and_where_it_is_explained(run: Run, own: Write) -> None:
    file = own(ring=0)
    result = run("check", file, "--connector", "acme")
    place = f"{file}:1:"
    assert result.stderr.startswith(place)
    assert ": error: ring: 0 is out of range  [acme-E1]\n  1 | " in result.stderr
    assert result.stderr.endswith("\n  help: use 1 to 65535\n")
    assert result.stdout.endswith("To learn more about a problem: passpost explain acme-E1\n")
    error = json.loads(run("check", file, "--connector", "acme", "--json").stdout)["error"]
    assert [problem["code"] for problem in error["problems"]] == ["acme-E1"]


def test_the_stores_of_an_application_are_checked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text(
        '{"connectors": {"a": {"use": "acme", "settings": {}}}, "stores": {"use": "x"}}'
    )
    result = run("check", file)
    assert result.exit_code == 1
    for path, code in (("stores.use", "E430"), ("stores.secret", "E431")):
        assert any(path in line and code in line for line in result.stderr.splitlines())


def test_warnings_are_marked_as_such_and_let_the_settings_pass(run: Run, own: Write) -> None:
    file = own(templates=[{"usageType": "SignIn", "subject": "s", "content": "{{code}}"}])
    result = run("check", file, "--connector", "acme")
    assert result.exit_code == 0
    assert result.stderr.count(": warning: templates: ") == 1
    assert ": error: " not in result.stderr
    assert result.stdout == f"{file}: settings are valid, with 1 warning (acme)\n"


def test_an_application_names_its_connectors_in_order(run: Run, application: Write) -> None:
    file = application(second={}, first={})
    result = run("check", file)
    assert result.exit_code == 0
    assert result.stdout == f"{file}: settings are valid (second, first)\n"


def test_the_places_of_an_applications_problems_are_those_of_the_whole_file(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text('{"connectors": {\n  "a": {"use": "acme",\n  "settings": {"behave": "no"}}}}\n')
    result = run("check", file)
    assert result.exit_code == 1
    assert f"{file}:3:26: error: connectors.a.settings.behave: " in result.stderr


def test_one_connectors_settings_without_its_id_say_what_to_add(run: Run, own: Write) -> None:
    result = run("check", own())
    assert result.exit_code == 1
    assert "application's settings: `connectors` is missing  [E400]\n" in result.stderr
    assert "help: for one connector's own settings, add `--connector ID` (" in result.stderr
    assert "acme" in result.stderr


def test_settings_with_placeholders_are_a_draft(run: Run, own: Write) -> None:
    file = own(fromEmail="<your-address>")
    result = run("check", file, "--connector", "acme")
    assert result.exit_code == 0
    assert "warning: fromEmail: " in result.stderr
    verdict = "a draft: replace the remaining placeholders before sending (acme)"
    assert result.stdout == f"{file}: {verdict}\n"
    assert json.loads(run("check", file, "--connector", "acme", "--json").stdout)["ready"] is False


def test_settings_without_a_template_are_refused(run: Run, own: Write) -> None:
    result = run("check", own(templates=[]), "--connector", "acme")
    assert result.exit_code == 1
    assert "templates: at least one template is required" in result.stderr


def test_standard_input_is_read_for_a_hyphen(run: Run, own: Write) -> None:
    text = own().read_text(encoding="utf-8").replace("apiKey", "apiKye")
    result = run("check", "-", "--connector", "acme", stdin=text)
    assert result.exit_code == 1
    assert result.stderr.startswith("<stdin>:1:")
    assert result.stdout.startswith("<stdin>: not valid: ")


def test_a_file_that_cannot_be_read_says_what_to_do(run: Run, tmp_path: Path) -> None:
    result = run("check", tmp_path / "missing.jsonc")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1:] == ["  help: check the path and its permissions"]
    assert result.stderr.startswith(f"{tmp_path / 'missing.jsonc'}: error: ")


def test_an_unknown_connector_says_what_is_there(run: Run, own: Write) -> None:
    result = run("check", own(), "--connector", "amce")
    assert result.exit_code == 1
    assert "did you mean `acme`?" in result.stderr
    assert "pip install" not in result.stderr


def test_the_connection_is_asked_when_wanted(run: Run, own: Write) -> None:
    file = own()
    result = run("check", file, "--connector", "acme", "--connect")
    assert result.exit_code == 0
    # What the provider said steers no terminal.
    assert result.stdout == (
        "acme: connection: ok: reached\\x1b[31m\n"
        f"{file}: settings are valid; the connection works (acme)\n"
    )


def test_a_warning_of_the_provider_lets_the_settings_pass(run: Run, own: Write) -> None:
    file = own(behave="warn")
    result = run("check", file, "--connector", "acme", "--connect")
    assert result.exit_code == 0
    assert result.stderr == f"{file}: warning: acme: quota: 90 % used\n  help: Order more.\n"


def test_an_error_of_the_provider_fails_the_check(run: Run, own: Write) -> None:
    file = own(behave="reject")
    result = run("check", file, "--connector", "acme", "--connect")
    assert result.exit_code == 1
    assert (
        result.stderr
        == f"{file}: error: acme: sign-in: 535 refused\n  help: Use an app password.\n"
    )
    assert result.stdout.endswith(": settings are valid; the connection check failed for acme\n")


def test_one_connector_out_of_reach_hides_no_other(run: Run, application: Write) -> None:
    file = application(primary={"behave": "unreachable"}, backup={})
    result = run("check", file, "--connect")
    assert result.exit_code == 1
    assert result.stderr == (
        f"{file}: error: primary: connection: nobody answers\n  help: Is the host right?\n"
    )
    assert "backup: connection: ok: " in result.stdout
    verdict = "settings are valid; the connection check failed for primary; it passed for backup"
    assert result.stdout.endswith(f": {verdict}\n")
    document = json.loads(run("check", file, "--connect", "--json").stdout)
    assert document["error"]["message"] == verdict


def test_a_silent_provider_is_given_up_after_the_timeout(run: Run, own: Write) -> None:
    arguments = ("--connector", "acme", "--connect", "--timeout", "0.05")
    result = run("check", own(behave="wait"), *arguments)
    assert result.exit_code == 1
    assert "connection: no response within 0.05 s\n  help: Check host, port" in result.stderr


def test_a_connector_that_cannot_be_asked_says_so(run: Run, own: Write) -> None:
    result = run("check", own(), "--connector", "sluggish", "--connect")
    assert result.exit_code == 0
    assert "sluggish: this connector has no connection check" in result.stdout


def test_json_holds_the_warnings_and_the_connectors(run: Run, own: Write) -> None:
    file = own(templates=[{"usageType": "Generic", "subject": "s", "content": "{{code}}"}])
    result = run("check", file, "--connector", "acme", "--json")
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["ready"] is True
    assert document["connectors"] == [{"name": "acme", "connector": "acme", "findings": None}]
    assert {warning["severity"] for warning in document["warnings"]} == {"warning"}
    assert document["warnings"][0]["file"] == str(file)


def test_json_holds_the_findings(run: Run, own: Write) -> None:
    result = run("check", own(behave="reject"), "--connector", "acme", "--connect", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["ok"] is False
    assert document["error"]["kind"] == "connection"
    assert document["connectors"][0]["findings"][1] == {
        "subject": "sign-in",
        "result": "error",
        "evidence": "535 refused",
        "remedy": "Use an app password.",
        "id": "",
    }


def test_json_holds_the_problems_and_nothing_else_is_on_standard_output(
    run: Run, own: Write
) -> None:
    result = run("check", own(fromEmail="nobody"), "--connector", "acme", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["ok"] is False
    assert document["error"]["kind"] == "config"
    assert document["error"]["message"] == "1 error"
    assert document["error"]["problems"][0]["path"] == "fromEmail"
    assert document["error"]["problems"][0]["line"] == 1


def test_an_interrupt_has_a_status_of_its_own(run: Run, own: Write) -> None:
    file = own(behave="interrupt")
    result = run("check", file, "--connector", "acme", "--connect")
    assert result.exit_code == 130
    assert result.stderr == f"{file}: error: interrupted\n"


@pytest.mark.parametrize("key", ["<your-api-key>", "<api-key>"])
def test_a_placeholder_in_a_secret_alone_is_a_draft(run: Run, own: Write, key: str) -> None:
    file = own(apiKey=key)
    assert json.loads(run("check", file, "--connector", "acme", "--json").stdout)["ready"] is False
    sent = run(
        "send",
        file,
        "--connector=acme",
        "--to=a@example.com",
        "--usage=Generic",
        "--code=1",
        "--json",
    )
    error = json.loads(sent.stdout)["error"]
    assert (error["outcome"], "apiKey" in error["message"]) == ("rejected", True)


def test_the_text_of_settings_is_not_repeated_as_a_files_name(run: Run) -> None:
    result = run("check", '{"connectors": {"a": {"pass": "hunter2"}}}')
    assert result.exit_code == 1
    assert "hunter2" not in result.output
    assert "not its name" in result.output


def test_connector_for_connectors_is_a_misspelling(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonc"
    file.write_text('{"connector": {"a": {"use": "acme", "settings": {}}}, "templates": []}')
    result = run("check", str(file))
    assert "error: connector: " in result.stderr
    assert "help: did you mean `connectors`?" in result.stderr
    assert "--connector" not in result.stderr


@pytest.mark.parametrize("content", ["{}", '{"outbox": {}}', '{"templates": []}'])
def test_a_file_without_connectors_names_what_adds_one(
    run: Run, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text(content)
    result = run("check", file)
    assert "help: to add a connector: passpost init FILE\n" in result.stderr
    assert "--connector ID" not in result.stderr


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        ('{"connectors": {}}', "add at least one"),
        ('{"connectors": {"a": {"use": "acme"}}}', 'add `"settings": { … }`'),
    ],
)
def test_what_is_to_be_added_is_shown(run: Run, tmp_path: Path, content: str, remedy: str) -> None:
    file = tmp_path / "passpost.jsonc"
    file.write_text(content)
    assert f"help: {remedy}\n" in run("check", file).stderr
