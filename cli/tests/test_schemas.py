"""The JSON that commands print is what the schemas in docs/schemas describe, failures included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import click.testing
import jsonschema
import pytest
import referencing

from passpost_cli.program import SUMMARIES, make

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

FOLDER = Path(__file__).parents[2] / "docs/schemas"
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
REGISTRY: referencing.Registry[Any] = referencing.Registry().with_resources(
    (f"{name}.json", referencing.Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
TESTED = {
    "check", "connectors", "doctor", "explain", "new", "preview", "send", "send-batch",
}  # fmt: skip
"""Commands whose output a test validates: `doctor` in ``test_doctor.py``, the others here."""

OWN = ("--connector", "acme")
SEND = ("--to", "ada@example.com", "--usage", "SignIn", "--code", "1", "--set", "user.name=Ada")
MESSAGE = SEND[2:]


def validate(command: str, text: str) -> Any:
    document = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMAS[command], registry=REGISTRY).validate(document)
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


CASES: dict[str, tuple[str, dict[str, Any], tuple[str, ...], bool]] = {
    "a valid file": ("check", {}, (), True),
    "warnings": ("check", {"lint": {}}, (), True),
    "a warning that fails": ("check", {"lint": {}}, ("--strict",), False),
    "errors": ("check", {"fromEmail": 5}, (), False),
    "a connection": ("check", {}, ("--connect",), True),
    "a connection that fails": ("check", {"behave": "reject"}, ("--connect",), False),
    "an option that does not exist": ("check", {}, ("--nothing",), False),
    "an email to look at": ("preview", {}, MESSAGE, True),
    "an email without its code": ("preview", {}, ("--usage", "SignIn"), False),
    "invalid settings to look at": ("preview", {"fromEmail": 5}, MESSAGE, False),
    "an email": ("send", {}, SEND, True),
    "an email that is not accepted": ("send", {"behave": "unreachable"}, SEND, False),
    "an email without its payload": ("send", {}, SEND[:4], False),
    "invalid settings to send with": ("send", {"fromEmail": 5}, SEND, False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_command_prints_is_valid(run: Run, own: Write, case: str) -> None:
    command, settings, arguments, succeeds = CASES[case]
    result = run(command, own(**settings), *OWN, *arguments, "--json")
    assert validate(command, result.stdout)["ok"] is succeeds


def test_several_files_are_valid(run: Run, own: Write) -> None:
    files = own("a.jsonc"), own("b.jsonc", fromEmail=5)
    assert validate("check", run("check", *files, *OWN, "--json").stdout)["ok"] is False


OTHERS: list[tuple[str, tuple[str, ...]]] = [
    ("connectors", ()),
    ("explain", ()),
    ("explain", ("E101",)),
    ("explain", ("E9",)),
    ("explain", ("nothing-E1",)),
]


@pytest.mark.parametrize(("command", "arguments"), OTHERS)
@pytest.mark.usefixtures("acme")
def test_what_other_commands_print_is_valid(
    run: Run, command: str, arguments: tuple[str, ...]
) -> None:
    validate(command, run(command, *arguments, "--json").stdout)


def test_what_new_prints_is_valid(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    for succeeds in (True, False):
        result = run("new", "nimbus", "--directory", folder, "--json")
        assert validate("new", result.stdout)["ok"] is succeeds


@pytest.mark.parametrize("recipients", [["ada"], ["ada", "reject"], [], ["not an address"]])
def test_what_a_batch_prints_is_valid(
    run: Run, own: Write, tmp_path: Path, recipients: list[str]
) -> None:
    file = tmp_path / "batch.csv"
    lines = [f"{name}@example.com,SignIn,1,Ada" for name in recipients]
    file.write_text("\n".join(["to,usage,code,user.name", *lines]))
    result = run("send", own(behave="by-recipient"), *OWN, "--batch", file, "--json")
    assert validate("send-batch", result.stdout)["ok"] is (recipients in (["ada"], []))
    again = run("send", own(), *OWN, "--batch", file, "--json")
    assert (
        validate("send-batch", again.stdout)["error"]["kind"] in {"refused", "config"} or not lines
    )


def test_what_schema_prints_is_a_schema(run: Run) -> None:
    document = json.loads(run("schema").stdout)
    assert jsonschema.Draft202012Validator.check_schema(document) is None
    assert document["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", SUMMARIES)
def test_each_command_that_prints_json_has_a_schema(name: str) -> None:
    """A command is in ``SUMMARIES``, and its JSON in ``docs/schemas`` and in a test above."""
    command = make().get_command(click.Context(make()), name)
    assert command is not None
    options = {param.name for param in command.params}
    wanted = {name} if "as_json" in options else set()
    wanted |= {f"{name}-batch"} if {"as_json", "batch"} <= options else set()
    assert wanted <= set(SCHEMAS)
    assert wanted <= TESTED


def test_a_schema_rejects_what_is_not_described(run: Run, own: Write) -> None:
    document = json.loads(run("check", own(), *OWN, "--json").stdout)
    schema = jsonschema.Draft202012Validator(SCHEMAS["check"], registry=REGISTRY)
    assert schema.is_valid(document)
    assert not schema.is_valid({**document, "more": 1})
    assert not schema.is_valid({key: document[key] for key in document if key != "ready"})
