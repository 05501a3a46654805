"""The documentation of the kit says what there is, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import passpost
from passpost.testing import Inbox
from passpost.testing.suite import CHECKS

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[str]:
    return BLOCK.findall((DOCS / name).read_text("utf-8"))


def test_every_check_is_explained() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "conformance.md").read_text("utf-8")))
    assert named == set(CHECKS)


def test_the_first_example_has_at_most_ten_lines() -> None:
    first = blocks("conformance.md")[0]
    assert sum(bool(line.strip()) for line in first.splitlines()) <= 10


@pytest.mark.parametrize("block", blocks("testing.md"))
def test_an_example_for_applications_runs(block: str, passpost_inbox: Inbox) -> None:
    names: dict[str, object] = {"passpost": passpost, "pytest": pytest}
    exec(block, names)  # noqa: S102 - our own documentation
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    assert callable(test)
    test(passpost_inbox)
