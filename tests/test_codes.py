"""Each problem has a code, each code is explained in both languages, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click.testing
import pytest

from passpost_cli.commands.explain import AREAS, Explanation, explained_in, explanations
from passpost_cli.program import make
from passpost_tools.lint.settings import WARNINGS

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[EW]\d{3}")
OWN_CODE = re.compile(r"[a-z][a-z0-9-]*-[EW]\d+")
RANGES = {
    "reading": [(1, 49)],
    "references": [(50, 99)],
    "values": [(100, 199)],
    "templates": [(200, 299)],
    "addresses": [(300, 349)],
    "application": [(400, 449)],
    "batch": [(500, 549)],
}
FOLDERS = [folder for src in ("*/src", "plugins/*/src") for folder in sorted(ROOT.glob(src))]
"""The source of each package, stand-ins apart: they have no settings."""

UNCODED = {
    # The notices of its own pages, such as that a file changed meanwhile, in the place of problems.
    "plugins/console",
    # A copy of a problem: its code becomes the ID of a message of Django's.
    "plugins/django",
}
"""Packages that may make problems without a code."""

LANGUAGES = ["en", "zh-CN"]


def texts_in(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def explained(language: str) -> list[Explanation]:
    return list(explanations(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_code_has_its_section_and_each_section_its_code(language: str) -> None:
    used = {text for folder in FOLDERS for text in texts_in(folder) if CODE.fullmatch(text)}
    codes = [one.code for one in explained(language)]
    assert sorted(codes) == sorted(used)


def test_the_linter_knows_the_code_of_each_warning() -> None:
    assert sorted(WARNINGS) == sorted(one.code for one in explained("en") if one.code[0] == "W")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_section_is_in_the_file_of_its_range_and_in_order(language: str) -> None:
    listed = explained(language)
    for one in listed:
        number = int(one.code[1:])
        assert any(first <= number <= last for first, last in RANGES[one.area]), one.code
        assert "```" in one.text, f"{one.code} has no example"
    for area in AREAS:
        codes = [one.code for one in listed if one.area == area]
        assert codes == sorted(codes, key=lambda code: (code[0], code))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_explain_knows_the_own_codes_of_a_package(folder: Path, language: str) -> None:
    used = sorted({text for text in texts_in(folder) if OWN_CODE.fullmatch(text)})
    name = folder.parent.name.replace("_", "-")
    assert [code for code in used if not code.startswith(f"{name}-")] == []
    guide = folder.parent / ("README.md" if language == "en" else f"README.{language}.md")
    listed = explained_in(guide.read_text("utf-8"), name) if guide.exists() else ()
    assert sorted(one.code for one in listed) == used
    for code in used[:1]:
        done = click.testing.CliRunner().invoke(make(), ["explain", code, "--lang", language])
        assert (done.exit_code, done.stdout.partition(":")[0]) == (0, f"## {code}"), done.output


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_each_problem_has_a_code(folder: Path) -> None:
    if str(folder.parent.relative_to(ROOT)) in UNCODED:
        return
    bare = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "Problem"
        and all(given.arg != "code" for given in node.keywords)
    ]
    assert bare == []
