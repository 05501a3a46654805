"""``passpost new``: what it says. What it writes is held by the tests across packages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

Run = Callable[..., click.testing.Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that commands run in."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_the_package_is_written_and_the_next_steps_are_named(run: Run, home: Path) -> None:
    result = run("new", "post-box")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "created a connector in passpost-post-box:"
    assert lines[-6:] == [
        "Install it and run its tests:",
        "  cd passpost-post-box",
        "  python -m pip install --editable '.[dev]' --editable ./stand_in",
        "  python -m pytest",
        "",
        "Then search for CHANGE, and adapt those places.",
    ]
    named = {line.strip() for line in lines[1 : lines.index("")]}
    written = home / "passpost-post-box"
    assert named == {str(p.relative_to(written)) for p in written.rglob("*") if p.is_file()}
    assert "src/passpost_post_box/hooks.py" in named


def test_json_says_what_was_made(run: Run, home: Path) -> None:
    result = run("new", "postbox", "--directory", "my box/there", "--json")
    document = json.loads(result.stdout)
    assert document.pop("files")[0] == ".github/workflows/ci.yml"
    assert document == {
        "ok": True,
        "id": "postbox",
        "distribution": "passpost-postbox",
        "folder": "my box/there",
        "next": [
            "cd 'my box/there'",
            "python -m pip install --editable '.[dev]' --editable ./stand_in",
            "python -m pytest",
        ],
    }
    assert (home / "my box/there/pyproject.toml").is_file()


def test_the_folder_may_be_the_one_we_are_in(run: Run, home: Path) -> None:
    (home / ".git").mkdir()
    result = run("new", "postbox", "--directory", ".", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["next"][0].startswith("python")
    assert (home / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Acme739206", "lower case letters, digits and single hyphens"),
        ("../739206", "lower case letters"),
        ("-739206", "unknown option"),
        ("a--739206", "lower case letters"),
        ("739206a", "begins with a letter"),
        ("passpost-a739206", "leave passpost- out"),
        ("a739206" * 5, "at most 30 characters"),
    ],
)
def test_a_name_that_is_none_is_wrong_usage(run: Run, home: Path, name: str, problem: str) -> None:
    result = run("new", name)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert "739206" not in result.stderr
    assert list(home.iterdir()) == []


def test_the_name_of_an_installed_connector_is_refused(run: Run, home: Path) -> None:
    result = run("new", "acme", "--json")
    assert result.exit_code == 1
    assert result.stderr == (
        "passpost: error: the connector `acme` is already installed: passpost-acme\n"
        "  help: choose another name, or uninstall that package\n"
    )
    assert json.loads(result.stdout)["error"]["kind"] == "refused"
    assert list(home.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(run: Run, home: Path) -> None:
    mine = home / "passpost-postbox/README.md"
    mine.parent.mkdir()
    mine.write_text("mine")
    result = run("new", "postbox")
    assert result.exit_code == 1
    assert result.stderr == (
        "passpost: error: cannot write passpost-postbox: it is there already, and is not empty\n"
        "  help: set --directory to another folder\n"
    )
    assert [path.read_text() for path in mine.parent.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_refused(run: Run, home: Path) -> None:
    (home / "file").write_text("mine")
    result = run("new", "postbox", "--directory", "file/folder")
    assert result.exit_code == 1
    assert "cannot write file/folder: Not a directory\n  help: " in result.stderr


def test_an_extension_is_written(run: Run, home: Path) -> None:
    result = run("new", "--extension", "tenants")
    assert (result.exit_code, result.stderr) == (0, "")
    first = result.stdout.splitlines()[0]
    assert first == "created an extension in passpost-tenants:"
    assert (home / "passpost-tenants/src/passpost_tenants/hooks.py").is_file()
    # A connector and an extension may have one name: they are looked up in different groups.
    assert run("new", "--extension", "acme").exit_code == 0


def test_the_name_of_an_installed_extension_is_refused(
    run: Run, home: Path, install: Callable[..., Path]
) -> None:
    install("passpost-odd", {"passpost.extensions": {"odd": "odd"}}, odd="1/0")
    result = run("new", "--extension", "odd")
    assert result.exit_code == 1
    assert "the extension `odd` is already installed: passpost-odd" in result.stderr
    assert list(home.iterdir()) == []
