"""What is written at the wrong place of a command line is not repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click.testing
import pytest

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

CODES = ["739206", "hunter2Secret", "canary-key-Zq7"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "FILE", "--connector", "CODE"),
        ("check", "APPLICATION", "--connector", "CODE"),
        ("send", "FILE", "--connector", "acme", "--to", "a@b.example", "--usage", "CODE"),
        ("check", "CODE"),
        ("check", "CODE", "--connector", "acme"),
    ],
)
def test_a_code_in_place_of_a_name_is_not_repeated(
    run: Run, own: Write, application: Write, arguments: Sequence[str], code: str
) -> None:
    template = {"usageType": "SignIn", "subject": "s", "content": "c"}
    files = {"FILE": str(own(templates=[template])), "APPLICATION": str(application(primary={}))}
    words = [files.get(word, word).replace("CODE", code) for word in arguments]
    for json_too in ((), ("--json",)):
        result = run(*words, *json_too)
        assert result.exit_code == 1, result.output
        assert code not in result.output
        assert result.stderr


@pytest.mark.parametrize("command", ["guide", "schema"])
@pytest.mark.parametrize("code", CODES)
def test_a_code_in_place_of_an_id_is_not_repeated(run: Run, command: str, code: str) -> None:
    result = run(command, code)
    assert result.exit_code == 1
    assert code not in result.output
    assert "acme" in result.stderr


def test_a_name_that_is_misspelled_is_repeated(run: Run, own: Write) -> None:
    assert "`acne`" in run("check", own(), "--connector", "acne").stderr


CONTENTS = [
    '{"auth": {"user": "u", "pass": "hunter2secret"}}',
    '{\n  "connectors": {"p": {"settings": {"pass": "hunter2secret"}}}\n}',
    '{"pass": "hunter2secret", "fill": "' + "x" * 5000 + '"}',
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("json_too", [(), ("--json",)])
@pytest.mark.parametrize(
    "rest",
    [
        ("check",),
        ("check", "--connector", "acme"),
        ("send", "--to", "a@b.example", "--usage", "SignIn"),
        ("preview", "--usage", "SignIn"),
    ],
)
def test_settings_in_place_of_a_file_are_not_repeated(
    run: Run, content: str, json_too: Sequence[str], rest: Sequence[str]
) -> None:
    command, *options = rest
    result = run(command, content, *options, *json_too)
    assert result.exit_code == 1
    assert "hunter2secret" not in result.output
    assert "FILE: error: FILE is the content of a file, not its name" in result.stderr
    if json_too:
        (problem,) = json.loads(result.stdout)["error"]["problems"]
        assert problem["file"] == "FILE"
