"""The documentation of the kit says what there is, and its examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import attrs
import pytest

from pytest_passpost import ActionName, Fault
from pytest_passpost.servers.faults import HTTP_PHASES, PHASES, SMTP_PHASES
from pytest_passpost.suite import CHECKS

DOCS = Path(__file__).parents[3] / "docs/en"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[str]:
    return BLOCK.findall((DOCS / name).read_text("utf-8"))


def test_every_check_is_explained() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "reference/conformance.md").read_text("utf-8")))
    assert named == set(CHECKS)


def test_the_first_example_has_at_most_ten_lines() -> None:
    first = blocks("reference/conformance.md")[0]
    assert sum(bool(line.strip()) for line in first.splitlines()) <= 10


def test_the_example_that_shows_defects_runs() -> None:
    (block,) = [block for block in blocks("reference/conformance.md") if "show_defects" in block]
    sent: list[str] = []
    exec(block, {"mailer": SimpleNamespace(send=sent.append), "message": "m"})  # noqa: S102 - ours
    assert sent == ["m"]


@pytest.mark.parametrize("number", range(len(blocks("how-to/testing.md"))))
def test_an_example_for_applications_runs_as_it_stands(number: int, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(blocks("how-to/testing.md")[number], "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-W", "error", "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_phase_is_explained_with_its_servers() -> None:
    table = (
        (DOCS / "how-to/testing.md")
        .read_text("utf-8")
        .partition("| phase |")[2]
        .partition("\n\n")[0]
    )
    rows = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert {row[0] for row in rows} == set(PHASES)
    assert {row[0] for row in rows if row[2] != "HTTP"} == set(SMTP_PHASES)
    assert {row[0] for row in rows if row[2] != "SMTP"} == set(HTTP_PHASES)


def test_every_argument_of_a_fault_and_every_action_by_name_is_explained() -> None:
    text = (DOCS / "how-to/testing.md").read_text("utf-8")
    for field in attrs.fields(Fault):
        assert field.name in ("phase", "action") or f"| `{field.name}=" in text
    assert [name for name in get_args(ActionName) if f"`{name}`" not in text] == []
