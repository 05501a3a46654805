"""How ``passpost check`` shows what it finds: source lines, formats, several files, fixes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import jsonschema
import pytest
import yaml

import passpost
from passpost_cli.lint.excerpts import WIDTH, Excerpts
from passpost_cli.lint.github import annotation
from passpost_cli.lint.sarif import sarif

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

ROOT = Path(__file__).parents[2]
SARIF = json.loads((Path(__file__).parent / "sarif-2.1.0-subset.json").read_text("utf-8"))
CANARY = "canary-Zq7-secret"
CODE_IN_SUBJECT = {"usageType": "Generic", "subject": "Code {{code}}", "content": "{{code}}"}
QUIET = {"rules": {"W401": "off"}}


def excerpt(text: str, line: int, column: int, *classes: type[Any]) -> list[str]:
    return Excerpts(text, classes).of(passpost.Problem("", "", line=line, column=column))


def test_the_value_is_underlined() -> None:
    shown, caret = excerpt('{"templates": [{\n  "usageType": "Sign",\n}]}', 2, 16)
    assert shown == '  2 | "usageType": "Sign",'
    assert caret == "    | " + " " * len('"usageType": ') + "^~~~~~"


def test_a_place_within_a_text_is_underlined_to_the_end_of_its_tag() -> None:
    text = '{"templates": [\n{"content": "Hello {{cod}}!"}]}'
    shown, caret = excerpt(text, 2, 20)
    assert shown[caret.index("^") :].startswith("{{cod}}")
    assert caret.count("~") == len("{{cod}}") - 1


def test_full_width_characters_have_two_columns() -> None:
    shown, caret = excerpt('{"templates": [\n{"subject": "验证码 {{cod}}"}]}', 2, 18)
    assert shown == '  2 | {"subject": "验证码 {{cod}}"}]}'
    assert caret == "    | " + " " * (len('{"subject": "') + 7) + "^~~~~~~"


@pytest.mark.parametrize("column", [1, 130, 2500])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    text = '{"templates": [\n{"content": "' + "word " * 600 + '"}]}'
    shown, caret = excerpt(text, 2, column)
    assert len(shown) <= WIDTH + 10
    assert len(caret) <= len(shown)
    rest = text.split("\n")[1][column - 1 :][:10]
    assert shown[caret.index("^") :].startswith(rest)


@pytest.mark.parametrize(
    "line",
    [
        f'"pass": "{CANARY}",',
        f'"pasword": "{CANARY}",',
        f'"{CANARY}": 1,',
        f'"port": 587, // {CANARY}',
        f'/* {CANARY} */ "port": 587,',
        f'"url": "https://ada:{CANARY}@example.com",',
        f'"headers": {{"Authorization": "{CANARY}"}},',
        f'"pass": ["{CANARY}"],',
        f'"pass": {{"use": {{"x": "{CANARY}"}}}},',
        f'"pass": {CANARY},',
        f'"pass": "{CANARY},',
        f'"pass": “{CANARY}”,',
        f'"pass" "{CANARY}",',
        f"{CANARY}",
        f"/* {CANARY}",
    ],
)
@pytest.mark.parametrize("column", [1, 9, 16])
def test_what_may_be_secret_is_not_shown(line: str, column: int) -> None:
    lines = excerpt(f"{{\n{line}\n}}", 2, column)
    assert len(lines) == 2
    assert "canary" not in "".join(lines).lower()
    assert "secret" not in "".join(lines)


def test_a_secret_on_its_own_line_is_not_shown() -> None:
    text = f'{{"auth": {{"pass":\n"{CANARY}"\n}}}}'
    assert excerpt(text, 2, 1) == ["  2 | ***", "    | ^~~"]


def test_a_secret_is_not_shown_in_another_place_either() -> None:
    text = f'{{"pass": "{CANARY}",\n"templates": [{{"subject": "{CANARY} {{{{cod}}}}"}}]}}'
    assert excerpt(text, 2, 28)[0] == '  2 | "templates": [{"subject": ***}]}'


def test_a_value_that_is_an_error_is_not_shown_outside_of_templates() -> None:
    problem = passpost.Problem("", "", line=2, column=8)
    text = '{"stores":{\n"use": "hunter2"}}'
    assert Excerpts(text).of(problem)[0] == '  2 | "use": ***}}'
    warning = passpost.Problem("", "", severity="warning", line=2, column=8)
    assert Excerpts(text).of(warning)[0] == '  2 | "use": "hunter2"}}'


def test_a_line_steers_no_terminal() -> None:
    lines = excerpt('{"templates": [\n{"subject": "a\x1b[31mb\u202e"}]}', 2, 13)
    assert "\x1b" not in lines[0]
    assert "\u202e" not in lines[0]


@pytest.mark.parametrize("place", [(None, None), (0, 1), (99, 1)])
def test_an_unknown_place_has_no_line(place: tuple[int | None, int | None]) -> None:
    problem = passpost.Problem("", "", line=place[0], column=place[1])
    assert Excerpts("{}").of(problem) == []


@pytest.mark.parametrize(
    "text", ["", "{", '{"a', "\ufeff{}", "{\r\n}\r\n", "[1]", "}}}", '{"a": }']
)
def test_any_text_has_lines(text: str) -> None:
    for line in range(1, 4):
        for column in range(1, 9):
            excerpt(text, line, column)


@pytest.mark.parametrize("text", ["[" * 100_000, "/*" * 50_000, '{"a":' * 20_000])
def test_a_line_of_100_000_characters_is_cut_in_a_moment(text: str) -> None:
    for column in (1, 90_001):
        line, caret = excerpt(text, 1, column)
        assert len(line) < 120
        assert "^" in caret


def test_a_warning_fails_a_strict_check(run: Run, own: Write) -> None:
    file = own(templates=[CODE_IN_SUBJECT], lint=QUIET)
    assert run("check", file, "--connector", "acme").exit_code == 0
    result = run("check", file, "--connector", "acme", "--strict")
    assert result.exit_code == 1
    assert f"{file}: --strict accepts no warning: 1 warning\n" in result.stdout
    document = json.loads(run("check", file, "--connector=acme", "--strict", "--json").stdout)
    assert document["ok"] is False
    assert [problem["code"] for problem in document["error"]["problems"]] == ["W212"]


def test_a_level_of_error_fails_the_check(run: Run, own: Write) -> None:
    lint = {"rules": {"W401": "off", "W212": "error"}}
    result = run("check", own(templates=[CODE_IN_SUBJECT], lint=lint), "--connector", "acme")
    assert result.exit_code == 1
    assert ": error: templates[0].subject: " in result.stderr


def test_several_files_are_checked_in_one_call(run: Run, own: Write, tmp_path: Path) -> None:
    good, bad = own("good.jsonc"), own("bad.jsonc", fromEmail=5)
    missing = tmp_path / "missing.jsonc"
    result = run("check", good, bad, missing, "--connector", "acme")
    assert result.exit_code == 1
    assert f"{good}: settings are valid (acme)\n{bad}: not valid: 1 error\n" in result.stdout
    assert f"{missing}: error: the file cannot be read" in result.stderr
    document = json.loads(run("check", good, bad, "--connector", "acme", "--json").stdout)
    assert document["ok"] is False
    assert [(one["file"], one["ok"]) for one in document["files"]] == [
        (str(good), True), (str(bad), False),
    ]  # fmt: skip


def test_an_unknown_format_is_not_repeated(run: Run, own: Write) -> None:
    result = run("check", own(), "--format", CANARY)
    assert result.exit_code == 2
    assert "use text, json, sarif or github" in result.stderr
    assert CANARY not in result.output


def test_fix_changes_the_file_and_says_what(run: Run, own: Write) -> None:
    file = own(
        templates=[{**CODE_IN_SUBJECT, "subject": "Code", "content": "{{Code}}"}], lint=QUIET
    )
    before = file.read_text("utf-8")
    result = run("check", file, "--connector", "acme", "--fix")
    assert result.exit_code == 0
    assert ": fixed: templates[0].content: `Code` is not a known variable" in result.stderr
    assert result.stdout == f"{file}: settings are valid (acme)\n"
    assert file.read_text("utf-8") == before.replace("{{Code}}", "{{code}}")
    assert file.with_name(f"{file.name}.bak").read_text("utf-8") == before


def test_a_second_fix_finds_nothing_left(run: Run, own: Write) -> None:
    file = own(
        templates=[{**CODE_IN_SUBJECT, "subject": "Code", "content": "{{Code}}"}], lint=QUIET
    )
    before = file.read_text("utf-8")
    assert before.count('"templates"') == before.count('"content"') == 1
    spoilt = before.replace('"templates"', '"Templates"').replace('"content"', '"Content"')
    file.write_text(spoilt, "utf-8")
    # What is in a misspelt setting shows only once that one is corrected.
    result = run("check", file, "--connector", "acme", "--fix")
    assert result.stderr.count(": fixed: ") == 3
    assert file.read_text("utf-8") == before.replace("{{Code}}", "{{code}}")
    # The one copy is that of the file before all of them.
    assert file.with_name(f"{file.name}.bak").read_text("utf-8") == spoilt


def test_standard_input_cannot_be_fixed(run: Run, own: Write) -> None:
    text = own(templates=[{**CODE_IN_SUBJECT, "content": "{{Code}}"}]).read_text("utf-8")
    result = run("check", "-", "--connector", "acme", "--fix", stdin=text)
    assert result.exit_code == 1
    assert "standard input cannot be corrected" in result.stderr


def test_a_command_of_github_is_escaped() -> None:
    problem = passpost.Problem("a", "50 %\nx", "y,z:1", "warning", "a,b:c.jsonc", 3, 5, code="W1")
    assert annotation(problem) == (
        "::warning file=a%2Cb%3Ac.jsonc,line=3,col=5,title=W1::a: 50 %25%0Ax%0Ahelp: y,z:1"
    )


def test_problems_as_commands_of_github(run: Run, own: Write) -> None:
    file = own(templates=[CODE_IN_SUBJECT], lint=QUIET)
    result = run("check", file, "--connector", "acme", "--format", "github")
    assert result.stdout.startswith(f"::warning file={file},line=1,col=")
    assert result.stdout.count("\n") == 1


def test_problems_as_sarif_are_valid(run: Run, own: Write) -> None:
    files = own("a b.jsonc", templates=[CODE_IN_SUBJECT]), own("b.jsonc", fromEmail=5)
    result = run("check", *files, "--connector", "acme", "--format", "sarif")
    assert result.exit_code == 1
    log = json.loads(result.stdout)
    jsonschema.Draft7Validator(SARIF).validate(log)
    (found,) = log["runs"]
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    for one in found["results"]:
        assert rules[one["ruleIndex"]] == one["ruleId"]
    uris = {
        place["physicalLocation"]["artifactLocation"]["uri"]
        for one in found["results"]
        for place in one["locations"]
    }
    assert uris == {file.as_uri() for file in files}
    assert {one["level"] for one in found["results"]} == {"error", "warning"}


def test_a_problem_without_place_or_code_is_valid_sarif() -> None:
    log = sarif([passpost.Problem("", "x"), passpost.Problem("", "y", file="ä b.jsonc")], {})
    jsonschema.Draft7Validator(SARIF).validate(log)
    place = log["runs"][0]["results"][1]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "%C3%A4%20b.jsonc"}}


def test_the_schema_of_sarif_rejects_what_is_not() -> None:
    log = sarif([passpost.Problem("", "x", severity="error")], {})
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not jsonschema.Draft7Validator(SARIF).is_valid(log)


def test_the_hook_of_pre_commit_checks_files(run: Run, own: Write) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {"id", "name", "entry", "language", "files"} <= set(hook)
    program, *arguments = shlex.split(hook["entry"])
    assert program == "passpost"
    result = run(*arguments, own("a.jsonc"), own("b.jsonc"), "--connector", "acme")
    assert result.exit_code == 0, (result.output, sys.path)
    assert result.stdout.count("settings are valid") == 2


def test_pre_commit_runs_the_hook_on_the_files_of_its_name(tmp_path: Path) -> None:
    """The hook is fetched, selects files and fails as a commit sees it: with pre-commit itself."""
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C.UTF-8",
    }

    def call(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False
        )

    def repository(name: str, **files: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_text(content, "utf-8")
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        for command in (("init",), ("add", "."), (*identity, "commit", "-m", "first")):
            done = call("git", *command, folder=folder)
            assert done.returncode == 0, done.stderr
        return folder

    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    source = repository("passpost", **{".pre-commit-hooks.yaml": hooks})
    wrong = '{"connectors": {"a": {"use": "smtp", "settings": {"hots": "x"}}}}'
    service = repository("service", **{"passpost.jsonc": wrong, "other.jsonc": "no settings"})
    tried = ("pre-commit", "try-repo", str(source), "passpost-check", "--all-files")
    done = call(*tried, folder=service)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error: connectors.a.settings.hots: unknown setting" in done.stdout
    assert "other.jsonc" not in done.stdout
    (service / "passpost.jsonc").unlink()
    call("git", "add", ".", folder=service)
    done = call(*tried, folder=service)
    assert (done.returncode, "Skipped" in done.stdout) == (0, True), done.stdout
