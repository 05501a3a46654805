"""How ``--code``, ``--set`` and ``--payload`` make the payload."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click.testing
import pytest

Run = Callable[..., click.testing.Result]
Write = Callable[..., Path]

TEMPLATE = {"usageType": "Generic", "subject": "s", "content": "{{a}}|{{b.c}}|{{b.d.1}}|{{code}}"}


@pytest.fixture
def rendered(run: Run, own: Write, tmp_path: Path) -> Run:
    """Return a function that renders the template with arguments."""

    def render(
        *arguments: object, payload: str | None = None, stdin: str | None = None
    ) -> click.testing.Result:
        if payload is not None:
            path = tmp_path / "payload.json"
            path.write_text(payload, encoding="utf-8")
            arguments = (*arguments, "--payload", path)
        file = own(templates=[TEMPLATE], missingVariables="blank")
        return run(
            "preview", file, "--connector", "acme", "--usage", "Generic", "--json", *arguments,
            stdin=stdin,
        )  # fmt: skip

    return render


def text(result: click.testing.Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["text"]


def test_dots_lead_into_mappings(rendered: Run) -> None:
    assert text(rendered("--set", "a=1=2", "--set", "b.c=x y", "--set", "b.d.1=z")) == "1=2|x y|z|"


def test_an_empty_text_is_a_text(rendered: Run) -> None:
    assert text(rendered("--set", "a=", "--code", "")) == "|||"


def test_arguments_come_on_top_of_the_file(rendered: Run) -> None:
    payload = '{"a": 1, /* kept */ "b": {"c": true, "d": [0, "one"]}, "code": "old"}'
    assert text(rendered("--code", "new", "--set", "b.c=set", payload=payload)) == "1|set|one|new"


def test_the_payload_may_come_from_standard_input(rendered: Run) -> None:
    assert text(rendered("--payload", "-", stdin='{"code": "739206"}')) == "|||739206"


CONFLICTS = [
    (("--code", "739206", "--set", "code=739206"), "code is set twice"),
    (("--set", "a=739206", "--set", "a=739206"), "a is set twice"),
    (("--set", "b.c=739206", "--set", "b=739206"), "b and b.c cannot be combined"),
    (("--set", "b=739206", "--set", "b.c.d=739206"), "b and b.c.d cannot be combined"),
]


@pytest.mark.parametrize(("arguments", "problem"), CONFLICTS)
def test_what_is_given_twice_is_a_usage_error(
    rendered: Run, arguments: Sequence[str], problem: str
) -> None:
    result = rendered(*arguments)
    assert result.exit_code == 2
    assert f"error: {problem}\n" in result.stderr
    assert json.loads(result.stdout) == {
        "ok": False,
        "error": {"kind": "usage", "message": problem, "remedy": "passpost preview --help"},
    }


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", "a b", "{{a}}", "a\x1b", "a" * 129])
def test_bad_paths_are_usage_errors_that_repeat_nothing(rendered: Run, path: str) -> None:
    result = rendered("--set", f"{path}=739206")
    assert result.exit_code == 2
    assert "--set requires NAME=TEXT" in result.stderr
    assert "739206" not in result.output


def test_an_assignment_without_an_equals_sign_is_not_repeated(rendered: Run) -> None:
    result = rendered("--set", "739206")
    assert result.exit_code == 2
    assert "739206" not in result.output


@pytest.mark.parametrize(
    ("payload", "assignment"),
    [
        ('{"b": "739206"}', "b.c=739206"),
        ('{"b": ["739206"]}', "b.1=739206"),
        ('{"b": "739206"}', "b.c.d=739206"),
        ('{"b": {"c": "739206"}}', "b=739206"),
    ],
)
def test_what_does_not_fit_the_file_is_a_usage_error(
    rendered: Run, payload: str, assignment: str
) -> None:
    result = rendered("--set", assignment, payload=payload)
    assert result.exit_code == 2
    assert "the payload file has another kind of value there" in result.stderr
    assert "739206" not in result.output


def test_json_in_place_of_a_file_is_not_repeated(rendered: Run) -> None:
    result = rendered("--payload", '{"code": "739206"}')
    assert result.exit_code == 2
    assert "not JSON itself" in result.stderr
    assert "739206" not in result.output


@pytest.mark.parametrize("name", ["739206", "739206\x00", "/739206/x"])
def test_a_payload_file_that_is_not_there_is_not_repeated(rendered: Run, name: str) -> None:
    result = rendered("--payload", name)
    assert result.exit_code == 2
    assert "error: --payload: " in result.stderr
    assert "739206" not in result.output


def test_a_payload_that_is_no_json_names_the_place(rendered: Run, tmp_path: Path) -> None:
    result = rendered(payload='{"code": "739206",\n "x": 739206x}')
    assert result.exit_code == 1
    assert f"{tmp_path / 'payload.json'}:2:" in result.stderr
    assert "739206" not in result.output


def test_standard_input_is_not_read_twice(run: Run) -> None:
    result = run("preview", "-", "--usage", "Generic", "--payload", "-", stdin="{}")
    assert result.exit_code == 2
    assert "standard input can be FILE or the payload, not both" in result.stderr


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("[1]", "payload.json:1:1: error: --payload: the payload "),
        ('{"a": }', "payload.json:1:2: error: --payload: a: "),
    ],
)
def test_a_wrong_payload_file_is_not_called_settings(
    rendered: Run, payload: str, expected: str
) -> None:
    result = rendered(payload=payload)
    assert result.exit_code == 1
    assert expected in result.stderr
    assert "settings" not in result.stderr
