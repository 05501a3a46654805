"""The recipes for authors of connectors: each is a program that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs/en/how-to/connector-recipes.md"
RECIPES = PAGE.read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = [text for language, text in FENCE.findall(RECIPES) if language == "python"]
HEADINGS = re.findall(r"^#+ (.+)$", FENCE.sub("", RECIPES), re.MULTILINE)


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_recipe_runs(number: int) -> None:
    assert "\nassert " in PROGRAMS[number]
    # Without this module's own `annotations`: the types of settings must not become texts.
    code = compile(PROGRAMS[number], f"recipe {number}", "exec", dont_inherit=True)
    exec(code, {"__name__": f"recipe_{number}"})  # noqa: S102 - a program of that page


def test_every_recipe_is_listed() -> None:
    links = re.findall(r"\]\(([^)]+)\)", RECIPES)
    anchors = {f"#{re.sub(r'[^a-z ]', '', title.lower()).replace(' ', '-')}" for title in HEADINGS}
    within = {link for link in links if link.startswith("#")}
    assert within == {anchor for anchor in anchors if anchor != "#recipes-for-connectors"}
