"""Each code of a problem is explained in both languages, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from passpost_cli.commands.explain import AREAS, Explanation, explained_in, explanations
from passpost_tools.lint.settings import WARNINGS

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[EW]\d{3}")
RANGES = {
    "reading": [(1, 49)],
    "references": [(50, 99)],
    "values": [(100, 199)],
    "templates": [(200, 299)],
    "addresses": [(300, 349)],
    "application": [(400, 449)],
    "batch": [(500, 549)],
}
PARTS = ("core", "over_http", "cli", "tools", "plugins/outbox")
"""What has codes of its own, apart from connectors."""

CONNECTORS = {
    "smtp": "smtp", "aliyun_dm": "aliyun-dm", "sendgrid": "sendgrid", "ses": "ses",
    "webhook": "webhook",
}  # fmt: skip
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
    sources = (ROOT / part / "src" for part in PARTS)
    used = {text for source in sources for text in texts_in(source) if CODE.fullmatch(text)}
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


@pytest.mark.parametrize("folder", CONNECTORS)
@pytest.mark.parametrize("guide", ["README.md", "README.zh-CN.md"])
def test_a_guide_explains_the_codes_of_its_connector(folder: str, guide: str) -> None:
    own = re.compile(rf"{CONNECTORS[folder]}-[EW]\d+")
    used = {text for text in texts_in(ROOT / "plugins" / folder / "src") if own.fullmatch(text)}
    text = (ROOT / "plugins" / folder / guide).read_text("utf-8")
    codes = [one.code for one in explained_in(text, CONNECTORS[folder])]
    assert sorted(codes) == sorted(used)
