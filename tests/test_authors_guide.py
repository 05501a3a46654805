"""The guide for authors: its code runs, and it leaves no hook out."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from passpost import Capability, config
from passpost.hookspecs import ConnectorSpec
from passpost.http import fault_of
from passpost_cli.program import cli
from passpost_cli.scaffold import Names, files, write

ROOT = Path(__file__).parents[1]
PAGES = ("tutorial/connector.md", "reference/connectors.md")
GUIDE = "".join((ROOT / "docs/en" / page).read_text("utf-8") for page in PAGES)
MADE = files(Names.of("acme"))

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.py)\n")
BLOCKS = [(match[1], match[2]) for match in FENCE.finditer(GUIDE)]
PYTHON = [text for language, text in BLOCKS if language == "python"]
PROGRAMS = [text for text in PYTHON if not FILE.match(text)]
PARTS = [(match[1], text[match.end() :]) for text in PYTHON if (match := FILE.match(text))]


def _hooks() -> Iterator[Any]:
    for name, function in vars(ConnectorSpec).items():
        if hasattr(function, "passpost_spec"):
            yield pytest.param(name, function, id=name)


HOOKS = list(_hooks())


def signature(name: str, function: Callable[..., Any]) -> str:
    """Return a hook's signature as the source has it, without `self`."""
    signature = inspect.signature(function)
    arguments = [f"{p.name}: {p.annotation}" for p in list(signature.parameters.values())[1:]]
    return f"{name}({', '.join(arguments)}) -> {signature.return_annotation}\n"


@pytest.mark.parametrize(("name", "function"), HOOKS)
def test_every_hook_is_there_with_its_signature(name: str, function: Callable[..., Any]) -> None:
    assert signature(name, function) in [text for language, text in BLOCKS if language == "text"]


def test_no_hook_is_there_that_does_not_exist() -> None:
    known = {param.id for param in HOOKS}
    assert len(known) == 5
    signatures = [text for language, text in BLOCKS if language == "text" and " -> " in text]
    assert {text.partition("(")[0] for text in signatures} == known


def test_every_hook_is_implemented_by_code_that_runs() -> None:
    implemented = re.findall(r"@(?:\w+\.)?hookimpl\n(?: *@\w+\n)? *(?:async )?def (\w+)", GUIDE)
    assert set(implemented) == {param.id for param in HOOKS}


@pytest.mark.parametrize(("file", "text"), PARTS, ids=[file for file, _ in PARTS])
def test_a_part_of_a_file_is_what_the_scaffold_writes(file: str, text: str) -> None:
    assert text in MADE[file]


def test_the_files_are_those_that_the_scaffold_writes() -> None:
    assert "".join(f"{name}\n" for name in MADE) in [text for _, text in BLOCKS]


def test_the_metadata_are_those_that_the_scaffold_writes() -> None:
    tables = [text for language, text in BLOCKS if language == "toml"]
    assert len(tables) == 2
    assert [text for text in tables if text not in MADE["pyproject.toml"]] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the new package."""
    package = tmp_path_factory.mktemp("guide") / "passpost-acme"
    write(MADE, package)
    return package


@pytest.fixture
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts them on the path of this process, and forgets them afterwards."""
    monkeypatch.syspath_prepend(str(folder / "src"))
    monkeypatch.syspath_prepend(str(folder / "stand_in/src"))
    _forget()
    yield
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith("passpost_acme")]:
        del sys.modules[name]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_runs(importable: None, number: int) -> None:
    assert "\nassert " in PROGRAMS[number]
    code = compile(PROGRAMS[number], f"program {number}", "exec", dont_inherit=True)
    exec(code, {"__name__": f"program_{number}"})  # noqa: S102 - the program is this page's


def test_commands_are_ones_that_there_are() -> None:
    lines = [
        shlex.split(line)
        for language, text in BLOCKS
        for line in text.splitlines()
        if language == "sh"
    ]
    inline = [shlex.split(text) for text in re.findall(r"`(passpost [a-z][^`]+)`", GUIDE)]
    used = [line for line in (*lines, *inline) if line[0] == "passpost"]
    assert {line[1] for line in used} >= {"new", "check", "guide", "demo"}
    for _, name, *rest in used:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        command.make_context(name, rest)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is this one."""
    table = GUIDE.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_statuses_mean_what_the_table_says() -> None:
    for status, *told in rows("status"):
        fault = fault_of(int(status))
        assert told == [fault.outcome, fault.scope, "yes" if fault.temporary else "no"], status
    assert len(rows("status")) == 13


def test_every_capability_is_explained() -> None:
    assert [row[0] for row in rows("capability")] == [one.name for one in Capability]


def test_the_arguments_of_fields_exist() -> None:
    named = {name for row in rows("argument") for name in re.findall(r"\w+", row[0])}
    assert named
    assert named <= inspect.signature(config.field).parameters.keys()
