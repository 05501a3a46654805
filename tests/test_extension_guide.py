"""The guide for authors of extensions: its code runs, and it leaves no hook and no check out."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from passpost.hookspecs import ExtensionSpec
from passpost_cli.program import cli
from passpost_cli.scaffold import Names, extension_files, files, write
from pytest_passpost import ExtensionSuite

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/en/how-to/writing-an-extension.md").read_text("utf-8")
NAMES = Names.of("acme")
MADE = extension_files(NAMES)

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.py)\n")
PYTHON = [text for language, text in BLOCKS if language == "python"]
PROGRAMS = [text for text in PYTHON if not FILE.match(text)]
PARTS = {match[1]: text[match.end() :] for text in PYTHON if (match := FILE.match(text))}
MODULE = "passpost_tenants.py"


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    arguments = [f"{p.name}: {p.annotation}" for p in list(signature.parameters.values())[1:]]
    return f"{name}({', '.join(arguments)}) -> {signature.return_annotation}\n"


def test_every_hook_is_there_with_its_signature() -> None:
    hooks = {
        _signature(name, function)
        for name, function in vars(ExtensionSpec).items()
        if hasattr(function, "passpost_spec")
    }
    assert {text for language, text in BLOCKS if language == "text"} == hooks


def test_what_the_scaffold_writes_is_what_the_guide_shows() -> None:
    assert PARTS["tests/test_contract.py"] in MADE["tests/test_contract.py"]
    (entry,) = [text for language, text in BLOCKS if language == "toml"]
    assert entry in MADE["pyproject.toml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the extension's module, with a connector of the scaffold beside it."""
    package = tmp_path_factory.mktemp("guide") / "passpost-acme"
    write(files(NAMES), package)
    (package / "src" / MODULE).write_text(PARTS[MODULE], "utf-8")
    return package / "src"


@pytest.fixture
def importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Puts them on the path of this process, and forgets them afterwards."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.syspath_prepend(str(folder.parent / "stand_in/src"))
    _forget()
    yield
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith(("passpost_acme", MODULE[:-3]))]:
        del sys.modules[name]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
@pytest.mark.usefixtures("importable")
def test_a_program_runs(number: int) -> None:
    assert "\nassert " in PROGRAMS[number]
    code = compile(PROGRAMS[number], f"program {number}", "exec", dont_inherit=True)
    exec(code, {"__name__": f"program_{number}"})  # noqa: S102 - the program is this page's


def test_the_command_of_the_extension_is_there(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "passpost_tenants-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: passpost-tenants\nVersion: 1\n"
    )
    (metadata / "entry_points.txt").write_text("[passpost.extensions]\nt = passpost_tenants\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(folder), str(tmp_path))))
    command = [sys.executable, "-c", "from passpost_cli import main; main()", "tenants"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "acme\n", "")
    assert "`passpost tenants` prints `acme`" in GUIDE


def test_commands_are_ones_that_there_are() -> None:
    lines = [
        shlex.split(line)
        for language, text in BLOCKS
        for line in text.splitlines()
        if language == "sh"
    ]
    used = [line[1:] for line in lines if line[0] == "passpost"]
    assert used
    for name, *rest in used:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        command.make_context(name, rest)


def test_every_check_is_explained() -> None:
    checks = {name for name in dir(ExtensionSuite) if name.startswith("test_")}
    assert set(re.findall(r"^\| `(test_\w+)` \|", GUIDE, re.MULTILINE)) == checks
